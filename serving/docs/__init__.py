"""What a shop needs to read, served by the product itself: the guides, and the API reference."""
