"""Evidence: how sure it is that an item comes next because of the visit, and not because everybody looks at it.

An item stands on a personal shelf because of one of the visit's items. Of all steps that shoppers took from or to that
one (`of`: at most five steps away, a pair once a session), so many (`times`) led here. The more was counted, the better
the share is known: its one-sided 95 % lower bound (Wilson), less the item's share of all views, as a part of what is
left of 1, is the item's evidence; each newer item of the visit leaves it a quarter:

    evidence = FADE^newer * max(0, (bound(times, of) - popularity) / (1 - popularity))

So 0.1 says: with 95 % certainty at least a tenth of the steps from where the visitor is lead here, beyond those that
popularity alone would send. 0 says that the counts do not show it: too few, or no more than popularity. An item of the
visit itself is judged by how many of its sessions came back to it; the newest never is the next. What the visitor looked
at themself (`FACTS`) is certain: 1. How often the next click then came: `serving/ranking/DESIGN.md`.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from serving.recommender import Candidate
from serving.shop import Shop

FACTS = frozenset({"viewed"})
FADE = 0.25
Z = 1.6448536269514722
_ZZ = Z * Z


def evidence(candidate: Candidate, shop: Shop, session: Sequence[str]) -> float:
    """The candidate's evidence, 0 to 1, in a visit of these items, newest first. About 1 µs."""
    of, because = candidate.of, candidate.because_item_id
    if not of:
        return float(candidate.recommender in FACTS)
    newer = session.index(because) if because in session else len(session)
    newer -= because == candidate.item_id
    bound = lower(min(candidate.times, of), of)
    popular = shop.board.share(candidate.item_id)
    return FADE**newer * (bound - popular) / (1.0 - popular) if bound > popular and newer >= 0 else 0.0


def lower(times: int, of: int) -> float:
    """What a share is at least, with 95 % certainty, that was `times` of `of` > 0 (Wilson's one-sided bound)."""
    if not times:
        return 0.0
    share = times / of
    spread = Z * sqrt((share * (1.0 - share) + _ZZ / (4 * of)) / of)
    return (share + _ZZ / (2 * of) - spread) / (1.0 + _ZZ / of)
