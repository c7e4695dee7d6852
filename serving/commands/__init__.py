"""The commands of `liveshelf`, one a file."""
