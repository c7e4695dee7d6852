"""Coupons of declared offers, for wavering shoppers and within a budget; see `serving/docs/coupons.md`."""
