"""From state to page: snapshots, decisions, the HTTP API, the command line."""
