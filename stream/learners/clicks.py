"""Clicks: which item of a shelf a shopper goes on to."""

from __future__ import annotations

from stream.chooser import Chooser


class Clicks(Chooser):
    """A model of the next item that a shopper looks at, by what they saw on a shelf. See `stream.chooser.Chooser`."""

    name = "clicks"


MODEL = Clicks
