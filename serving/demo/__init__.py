"""The demo: a made world of items and people, live over the public HTTP API or headless as a ground truth for tests."""
