"""How good a list of recommendations is, when what came next is known.

References
----------
Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
"""

from __future__ import annotations

from math import log2

from msgspec import Struct

DEPTH = 20


class Quality(Struct):
    """Sums over tested lists; `as_dict` gives the contract's names."""

    n: int = 0
    hits_20: int = 0
    hits_10: int = 0
    reciprocal_20: float = 0.0
    reciprocal_10: float = 0.0
    gain_20: float = 0.0

    def add(self, place: int | None) -> None:
        """One list; `place` is where the item that came next stands in it (from 0), None = not in it."""
        self.n += 1
        if place is None or place >= DEPTH:
            return
        self.hits_20 += 1
        self.reciprocal_20 += 1 / (place + 1)
        self.gain_20 += 1 / log2(place + 2)
        if place < 10:
            self.hits_10 += 1
            self.reciprocal_10 += 1 / (place + 1)

    def as_dict(self) -> dict[str, float]:
        n = max(1, self.n)
        means = {
            "hr@20": self.hits_20 / n,
            "mrr@20": self.reciprocal_20 / n,
            "hr@10": self.hits_10 / n,
            "mrr@10": self.reciprocal_10 / n,
            "ndcg@20": self.gain_20 / n,
        }
        return {"n": self.n} | {name: round(value, 5) for name, value in means.items()}
