"""Search: what is meant by a query, and which items answer it."""
