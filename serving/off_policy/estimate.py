"""Off-policy estimates of what a policy earns a shelf: importance sampling, self-normalized, and doubly robust.

The item-position model (Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay, Wen, "Offline evaluation of ranking policies
with click models", KDD 2018) takes the reward of a shelf for the sum over its places, each of which depends on its item
and its position, not on the others. So each place has a weight, w = π(item, position) / p(item, position), and not the
slate as a whole; what that saves and costs is in Swaminathan, Krishnamurthy, Agarwal, Dudík, Langford, Jose,
Zitouni, "Off-policy evaluation for slate recommendation", NeurIPS 2017. Where one thing is chosen, as in a banner's
slot, the log is one of shelves with one place, and nothing is assumed.

- IPS (Horvitz, Thompson, 1952): Σwr. It alone needs no sum of weights, and varies most.
- SNIPS (Swaminathan, Joachims, NeurIPS 2015) within each stratum, placement × position: Σwr / Σw, times places a shelf.
- DR (Dudík, Langford, Li, ICML 2011), its residuals self-normalized alike: a direct model, the rate of each placement ×
  position × recommender drawn to its stratum's, fitted on the other half of the visitors, and Σw(r - q) / Σw beside it.
- Intervals by visitor, as shelves of one visitor are alike: `serving/off_policy/interval.py`.

The direct model is that simple because it needs not be right, only near: with right propensities DR has no bias, and at
40 clicks in 10,000 impressions a regression on the context fits noise, which goes into its variance.

Where weights say that the log does not hold what the policy would show there is no estimate but a reason: they average
to 1 if each thing that the policy shows had a chance, and the propensities are right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.off_policy.interval import Floats, Value

Ints = NDArray[np.int64]

CLIP = 50.0
LEAST_ESS, LEAST_ESS_DR = 100.0, 500.0
TOLERANCE = 0.05
CLIPPED_SHARE = 0.1
DRAWN_TO = 20.0


class Slots(NamedTuple):
    """All places of a log. By place: `visitor`, `cell`, `reward`, `propensity`; by cell: its `stratum` (see above).

    `shelves`: how many each visitor was shown; `strata`: how many there are.
    """

    visitor: Ints
    cell: Ints
    reward: Floats
    propensity: Floats
    stratum: Ints
    shelves: Floats
    strata: int

    @property
    def of_stratum(self) -> Ints:
        """By place, its stratum."""
        found: Ints = self.stratum[self.cell]
        return found


class Shown(NamedTuple):
    """What a policy shows: by place, `at`; and in parts, that `place` has an item of `cell` with a `probability`."""

    at: Floats
    place: Ints
    cell: Ints
    probability: Floats


class Weights(Struct, frozen=True):
    """`mean` should be 1 (weighed by where clicks happen, `error` its standard error).

    `clipped` places had more than `CLIP`, and lost `clipped_share` of all weight.
    """

    mean: float
    error: float
    most: float
    clipped: int
    clipped_share: float


class Estimate(NamedTuple):
    """`reason` is why `ips` and `snips` are None, `reason_dr` why only `dr` is."""

    ess: float
    weights: Weights
    ips: Value | None
    snips: Value | None
    dr: Value | None
    reason: str
    reason_dr: str


def estimate(slots: Slots, shown: Shown) -> Estimate:
    """What the policy earns a shelf; rewards are 0 or 1."""
    raw = shown.at / slots.propensity
    weight = np.minimum(raw, CLIP)
    weights = _judged(slots, raw, weight)
    ess = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
    reason = _reason(slots, weights, ess)
    if reason:
        return Estimate(ess, weights, None, None, None, reason, reason)
    rates, half = _rates(slots), slots.visitor % 2
    rate, nothing = rates[half, slots.cell], np.zeros(len(weight))
    ips = _value(slots, weight, rate, slots.reward, nothing, normal=False)
    snips = _value(slots, weight, rate, slots.reward, nothing)
    if ess < LEAST_ESS_DR:
        few = f"Its weights are worth {ess:.0f} places; the doubly robust estimate needs {LEAST_ESS_DR:.0f}."
        return Estimate(ess, weights, ips, snips, None, "", few)
    parts = shown.probability * rates[half[shown.place], shown.cell]
    expected = _summed(shown.place, parts, len(weight))
    return Estimate(ess, weights, ips, snips, _value(slots, weight, rate, slots.reward - rate, expected), "", "")


def _judged(slots: Slots, raw: Floats, weight: Floats) -> Weights:
    """The mean weight: of each stratum, and over strata by the clicks in them."""
    of, places = slots.of_stratum, np.bincount(slots.of_stratum, minlength=slots.strata)
    clicks = np.bincount(of, slots.reward, minlength=slots.strata) + (places > 0)
    factor = (clicks / clicks.sum() / np.maximum(places, 1))[of]
    off = np.bincount(slots.visitor, factor * (raw - 1.0), minlength=len(slots.shelves))
    error = np.sqrt(((off - off.mean()) ** 2).sum())
    lost = 1.0 - weight.sum() / max(raw.sum(), 1e-300)
    return Weights(
        float(factor @ raw), float(error), float(raw.max(initial=0.0)), int((raw > CLIP).sum()), float(max(lost, 0.0))
    )


def _reason(slots: Slots, weights: Weights, ess: float) -> str:
    """Why the log cannot tell, empty if it can."""
    slack = TOLERANCE + 2 * weights.error
    if weights.mean < 1.0 - slack:
        random = bool((slots.propensity < 1.0).any())
        why = "what had no chance to be shown cannot be judged" if random else "nothing in this log was random"
        return (
            f"No overlap: of what it would show, only {weights.mean:.0%} ever stood where it would stand, and {why}. "
            "Let a placement explore, or try it in an experiment."
        )
    if weights.mean > 1.0 + slack:
        return (
            f"The propensities on record cannot be right: weights that average to 1 with right ones average to "
            f"{weights.mean:.2f}. Look at what writes them."
        )
    if ess < LEAST_ESS:
        return f"Too little: its weights are worth {ess:.0f} places, and {LEAST_ESS:.0f} are needed. Log for longer."
    if weights.clipped_share > CLIPPED_SHARE:
        return (
            f"A few places would decide: {weights.clipped_share:.0%} of the weight lies above {CLIP:g}. "
            "Log for longer, or explore more."
        )
    return ""


def _rates(slots: Slots) -> Floats:
    """[half, cell]: the rate of a cell among the other half's visitors, drawn to its stratum's, which is never 0."""
    halves = slots.visitor % 2
    found = np.empty((2, len(slots.stratum)))
    for half in (0, 1):
        other = halves != half
        cell, reward = slots.cell[other], slots.reward[other]
        shown = np.bincount(cell, minlength=len(slots.stratum))
        clicks = np.bincount(cell, reward, minlength=len(slots.stratum))
        shown_s = np.bincount(slots.stratum, shown, minlength=slots.strata)
        stratum = (np.bincount(slots.stratum, clicks, minlength=slots.strata) + 0.5) / (shown_s + 1.0)
        found[half] = (clicks + DRAWN_TO * stratum[slots.stratum]) / (shown + DRAWN_TO)
    return found


def _value(
    slots: Slots, weight: Floats, rate: Floats, reward: Floats, expected: Floats, *, normal: bool = True
) -> Value:
    """Σ over strata of Σw × reward, times places / Σw if `normal`, and what is `expected` beside it, a shelf."""
    of, total, count = slots.of_stratum, slots.shelves.sum(), len(slots.shelves)
    earned, weighed, places = (
        _summed(of, one, slots.strata) for one in (weight * reward, weight, np.ones(len(weight)))
    )
    nothing = np.zeros(slots.strata)
    scale = np.divide(places, weighed, out=nothing.copy(), where=weighed > 0) if normal else np.ones(slots.strata)
    mean = np.divide(earned, weighed, out=nothing, where=weighed > 0)[of] if normal else np.zeros(len(weight))
    share = weight * scale[of] / total
    found = float(share @ reward + expected.sum() / total)
    off = _summed(slots.visitor, share * (reward - mean) + (mean + expected) / total, count)
    most = len(weight) / total if normal else np.inf
    return Value(min(max(found, 0.0), most), off - found * slots.shelves / total, share, rate, most)


def _summed(at: Ints, values: Floats, count: int) -> Floats:
    """Sums of `values` by their number `at`."""
    found: Floats = np.bincount(at, values, minlength=count).astype(np.float64, copy=False)
    return found
