"""The HTTP rim: what comes in is bounded, checked and turned into values; what goes out is ready bytes."""
