"""Whether what is said of an item holds: of the items that were shown with so much of it, how many came next.

In the learnt order an item's score is the probability that it comes next. Evidence promises a least share
(`serving/slate/evidence.py`), so it may be too low, and is wrong where it is too high. Both are told: `error` weighs
every distance of a band's mean from the share that came next, `overstated` those only by which the mean is the higher,
each by the items shown. What claims nothing (0, or what fills up) is in neither, as it would drown the others.

References
----------
Murphy, A., Winkler, R. (1977). Reliability of subjective probability forecasts of precipitation. JRSS C 26.
Naeini, M., Cooper, G., Hauskrecht, M. (2015). Obtaining well calibrated probabilities using Bayesian binning. AAAI.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.decision import Shown
from serving.evaluation.intervals import as_pair, bounds, drawn
from serving.slate.evidence import personal

EDGES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
FILL: Final = "fill"
_LOW: Final = (0.0, 0.0, *EDGES)
_FILL: Final = len(_LOW)
_SHOWN, _PROMISED, _CAME = range(3)

Table = npt.NDArray[np.float64]


class Reliability:
    """Counts by band: 0, then between `EDGES`, and apart what fills up; kept by session.

    Parameters
    ----------
    said: what is said of an item, 0 to 1.
    """

    def __init__(self, said: Callable[[Shown], float]) -> None:
        self._said = said
        self._by_session: dict[int, Table] = {}

    def add(self, session: int, shelf: Sequence[Shown], item_id: str) -> None:
        """A shelf of a session, and what came next."""
        table = self._by_session.setdefault(session, np.zeros((3, _FILL + 1)))
        for one in shelf:
            said = self._said(one)
            band = _band(one, said)
            table[_SHOWN, band] += 1
            table[_PROMISED, band] += said
            table[_CAME, band] += one.item_id == item_id

    def report(self) -> dict[str, Any]:
        """By band, what was promised and what came, and how far that is apart; None where nothing was shown."""
        sessions = np.fromiter(self._by_session, np.int64, len(self._by_session))
        tables = np.array(list(self._by_session.values())).reshape(-1, 3 * (_FILL + 1))
        whole = tables.sum(0).reshape(1, 3, -1)
        draws = drawn(sessions, tables)[:, 1:].reshape(-1, 3, _FILL + 1) if len(sessions) else whole
        came, promised = _shares(whole), _shares(whole, _PROMISED)
        between = bounds(_shares(draws))
        bands = [
            {
                "said": _name(band),
                "n": int(whole[0, _SHOWN, band]),
                "mean": _rounded(promised[0, band]),
                "came_next": _rounded(came[0, band]),
                "interval": as_pair(between[band]),
            }
            for band in range(_FILL + 1)
        ]
        return {"bands": bands, **_summary(whole, draws)}


def reliabilities() -> dict[str, Reliability]:
    """Of what is said of an item, by its name in the report."""
    return {
        "evidence": Reliability(lambda one: one.evidence),
        "probability": Reliability(lambda one: min(1.0, max(0.0, one.score))),
    }


def _summary(whole: Table, draws: Table) -> Mapping[str, Any]:
    found = {name: (_apart(whole, name), bounds(_apart(draws, name)[:, None])) for name in ("error", "overstated")}
    return {name: {"mean": _rounded(one[0]), "interval": as_pair(between[0])} for name, (one, between) in found.items()}


def _apart(tables: Table, name: str) -> Table:
    """By table, how far promise and share are apart, over the bands that claim something."""
    claims = tables[:, :, 1:_FILL]
    gap = claims[:, _PROMISED] - claims[:, _CAME]
    gap = np.abs(gap) if name == "error" else np.maximum(gap, 0.0)
    with np.errstate(invalid="ignore"):
        mean: Table = gap.sum(1) / claims[:, _SHOWN].sum(1)
    return mean


def _shares(tables: Table, of: int = _CAME) -> Table:
    with np.errstate(invalid="ignore"):
        shares: Table = tables[:, of] / tables[:, _SHOWN]
    return shares


def _band(one: Shown, said: float) -> int:
    if not personal(one.recommender):
        return _FILL
    return bisect_right(EDGES, said) + 1 if said else 0


def _name(band: int) -> str:
    if band == _FILL:
        return FILL
    if band == 0:
        return "0"
    return f"from {EDGES[-1]:g}" if band == _FILL - 1 else f"{_LOW[band]:g} to {EDGES[band - 1]:g}"


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)
