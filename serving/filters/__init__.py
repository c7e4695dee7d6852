"""Filters: conditions on items as data, compiled to masks over the catalogue; never evaluated code."""
