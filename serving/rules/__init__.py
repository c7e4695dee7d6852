"""Marketers' rules: data on top of what is learnt; see `serving/docs/rules.md`."""
