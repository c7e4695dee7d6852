"""Progressive validation: how well a model predicts examples that it has not learnt yet (test, then learn).

Scores of positives and negatives are counted in bins of their log-odds, over the last one or two windows of examples,
so that the state is small, exact and the same however the stream was cut. The area under the ROC curve comes with an
interval that takes the examples of one session for what they are: not independent.

References
----------
Blum, A., Kalai, A. and Langford, J. (1999). Beating the hold-out: bounds for k-fold and progressive cross-validation.
Hanley, J. A. and McNeil, B. J. (1982). The meaning and use of the area under a ROC curve. Radiology 143.
Newcombe, R. G. (2006). Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2.
Kish, L. (1965). Survey sampling (the design effect).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from msgspec import Struct, field

BINS = 200
WINDOW = 5_000
_WIDTH = 0.1
_Z = 1.959963984540054
LEAST_PROBABILITY = 1e-6


class Tally(Struct, array_like=True):
    """One class's scores: how many fell into each bin, and the sum of its groups' squared sizes."""

    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    squares: int = 0

    @property
    def size(self) -> int:
        return sum(self.bins)


class Window(Struct, array_like=True):
    """Scores of one stretch of examples; `log_loss` is a sum."""

    positives: Tally = field(default_factory=Tally)
    negatives: Tally = field(default_factory=Tally)
    examples: int = 0
    log_loss: float = 0.0


class Shelves(Struct, frozen=True):
    """How well a model finds, on a placement's shelves, what is taken of them, before it learns of it.

    `examples` were seen, of `chosen` an item was taken. `first`: how often it was the model's first of the items seen;
    `mrr`: the mean of 1 / its place; `shown_first` and `shown_mrr` the same in the order as shown. `log_loss` is the
    mean in nats, `base_log_loss` that of saying "as often as so far, and any item alike" of every shelf.
    """

    examples: int
    chosen: int
    first: float | None
    mrr: float | None
    shown_first: float | None
    shown_mrr: float | None
    log_loss: float
    base_log_loss: float


class Metrics(Struct, frozen=True):
    """Quality over the last examples, before each was learnt; of models of choices also for each placement.

    `auc` with its 95 % interval `auc_low`..`auc_high` is None while one of the classes is missing; `log_loss` is the
    mean in nats, `base_log_loss` that of the positives' share told for every example.
    """

    examples: int = 0
    positives: int = 0
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    log_loss: float | None = None
    base_log_loss: float | None = None
    placements: dict[str, Shelves] = {}


class Progress(Struct, array_like=True):
    """The running validation of one model; `group` is how many examples of the current group have come."""

    now: Window = field(default_factory=Window)
    before: Window = field(default_factory=Window)
    group: int = 0

    def count(self, probability: float, label: bool, *, begins: bool = True) -> None:
        """Take one prediction and what came true; `begins` says whether a new group (session) starts with it."""
        if begins:
            self.group = 0
            if self.now.examples >= WINDOW:
                self.now, self.before = Window(), self.now
        p = min(max(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
        tally = self.now.positives if label else self.now.negatives
        tally.bins[_bin(p)] += 1
        tally.squares += 2 * self.group + 1
        self.group += 1
        self.now.examples += 1
        self.now.log_loss -= math.log(p if label else 1 - p)

    def metrics(self) -> Metrics:
        """Quality over the window before and the running one."""
        positives = _merged(self.now.positives, self.before.positives)
        negatives = _merged(self.now.negatives, self.before.negatives)
        n, hits = positives.size + negatives.size, positives.size
        if not n:
            return Metrics()
        low, auc, high = area(positives, negatives) or (None, None, None)
        loss = (self.now.log_loss + self.before.log_loss) / n
        return Metrics(n, hits, auc, low, high, loss, entropy(hits / n))


def area(positives: Tally, negatives: Tally) -> tuple[float, float, float] | None:
    """Area under the ROC curve as (low, estimate, high), or None without both classes.

    The interval inverts Hanley and McNeil's variance as a score test does (Newcombe's method 5), so that it stays
    within [0, 1] and is wide where few examples agree perfectly; the classes' sizes are divided by Kish's design
    effect for groups whose members tell the same thing, so it errs on the wide side.
    """
    m, n = positives.size, negatives.size
    if not m or not n:
        return None
    below = 0
    wins = 0.0
    for mine, theirs in zip(positives.bins, negatives.bins, strict=True):
        wins += mine * (below + theirs / 2)
        below += theirs
    auc = wins / (m * n)
    return _interval(auc, m * m / positives.squares, n * n / negatives.squares)


def _interval(auc: float, m: float, n: float) -> tuple[float, float, float]:
    excess = max((m + n) / 2 - 1, 0.0)

    def within(area: float) -> bool:
        shape = 1 + excess * (1 - area) / (2 - area) + excess * area / (1 + area)
        return (area - auc) ** 2 <= _Z * _Z * area * (1 - area) * shape / (m * n)

    return _edge(auc, 0.0, within), auc, _edge(auc, 1.0, within)


def _edge(inside: float, outside: float, within: Callable[[float], bool]) -> float:
    for _ in range(30):
        middle = (inside + outside) / 2
        if within(middle):
            inside = middle
        else:
            outside = middle
    return outside


def _merged(one: Tally, other: Tally) -> Tally:
    return Tally([a + b for a, b in zip(one.bins, other.bins, strict=True)], one.squares + other.squares)


def _bin(probability: float) -> int:
    log_odds = math.log(probability / (1 - probability))
    return min(max(int(log_odds / _WIDTH + BINS / 2), 0), BINS - 1)


def entropy(share: float) -> float:
    """Of a coin that falls so, in nats."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
