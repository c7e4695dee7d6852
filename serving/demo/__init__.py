"""The demo: a made catalogue with drawn pictures, and simulated shoppers that speak only the public HTTP API."""
