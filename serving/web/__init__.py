"""The first page: a small shop that asks for consent and shows a live shelf, its freshness and its reasons."""
