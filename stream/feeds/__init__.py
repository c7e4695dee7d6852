"""Product feeds: from a shop's file to catalogue records; the formats themselves lie in `stream.catalog`."""
