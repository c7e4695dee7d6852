"""What a model of choices counted most of each item of a shelf: weight times feature."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from serving.decision import Decision
from serving.ranking.learnt import Chooser
from stream.features import CHOICE_FEATURES

LARGEST = 5


def contributions(decision: Decision, choosers: Mapping[str, Chooser]) -> dict[str, dict[str, float]]:
    """By item the `LARGEST` terms of its utility, the largest first; nothing where no model ranked the shelf.

    Utilities of one shelf are comparable: what is the same for all its items has moved none.
    """
    choices = decision.choices
    if choices is None:
        return {}
    chooser = choosers.get(choices.model) or Chooser(choices.model)
    terms = choices.features.astype(np.float64) * np.array(chooser.scorer.weights)
    largest = np.argsort(-np.abs(terms), axis=1, kind="stable")[:, :LARGEST]
    return {
        one.item_id: {CHOICE_FEATURES[place]: round(float(row[place]), 6) for place in places if row[place]}
        for one, row, places in zip(decision.items, terms, largest.tolist(), strict=True)
    }
