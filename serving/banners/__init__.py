"""Banners: campaigns as data, and which creative a slot shows to whom; see `serving/docs/banners.md`."""
