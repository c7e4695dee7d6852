"""Conversions: which item of a shelf a shopper puts into the cart or buys."""

from __future__ import annotations

from stream.chooser import Chooser


class Conversions(Chooser):
    """A model of what a shopper takes to the cart, by what they saw on a shelf. See `stream.chooser.Chooser`."""

    name = "conversions"


MODEL = Conversions
