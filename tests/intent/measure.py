"""The area under the ROC curve of the live model, learnt in one pass, and of boosting in batch, on the same split."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from stream.learners.intent import Intent
from tests.intent.boosting import Boosting
from tests.intent.visits import Labels, Matrix, Visits


class Found(NamedTuple):
    """Areas of one split; `learn_us` and `predict_us` are the online model's microseconds an example."""

    online: float
    batch: float
    learn_us: float
    predict_us: float


def auc(scores: Matrix, bought: Labels) -> float:
    """The share of pairs of a buyer and another in which the buyer has the higher score; a tie is half a pair."""
    ordered = np.sort(scores)
    ranks = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right") + 1) / 2
    buyers = int(bought.sum())
    wins = ranks[bought].sum() - buyers * (buyers + 1) / 2
    return float(wins / (buyers * (len(bought) - buyers)))


def online(known: Visits, seed: int) -> tuple[float, float, float]:
    """The area of the live estimator with this data's features, each example learnt once; its costs in µs."""
    training, test = known.split(seed)
    model, rows, began = Intent(features=known.features), known.values.tolist(), time.perf_counter()
    for row in training.tolist():
        model.update(rows[row], bool(known.bought[row]))
    learnt = time.perf_counter()
    scores = np.array([model.predict(rows[row]) for row in test.tolist()])
    predicted = time.perf_counter()
    area = auc(scores, known.bought[test])
    return area, 1e6 * (learnt - began) / len(training), 1e6 * (predicted - learnt) / len(test)


def batch(known: Visits, seed: int) -> float:
    """The area of boosting on the same split."""
    training, test = known.split(seed)
    boosting = Boosting(known.values[training], known.bought[training])
    return auc(boosting.scores(known.values[test]), known.bought[test])


def found(known: Visits, seed: int) -> Found:
    area, learn_us, predict_us = online(known, seed)
    return Found(area, batch(known, seed), learn_us, predict_us)
