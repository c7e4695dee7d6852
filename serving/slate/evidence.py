"""Evidence: how sure it is that an item comes next because of the visit, and not because everybody looks at it.

An item stands on a personal shelf because of one of the visit's items. Of all steps that shoppers took from or to that
one (`of`: at most five steps away, a pair once a session), so many (`times`) led here. The more was counted, the better
the share is known: its one-sided 95 % lower bound (Wilson), less the item's share of all views, as a part of what is
left of 1, is the item's evidence; each newer item of the visit leaves it a quarter:

    evidence = FADE^newer * max(0, (bound(times, of) - popularity) / (1 - popularity))

So 0.1 says: with 95 % certainty at least a tenth of the steps from where the visitor is lead here, beyond those that
popularity alone would send. 0 says that the counts do not show it: too few, or no more than popularity. An item of the
visit itself is judged by how many of its sessions came back to it; the newest never is the next. What the visitor
looked at themself (`FACTS`) is certain: 1.

Where shoppers come back to what they did, a step that was counted once says much; where each basket is new, nothing. So
an order that learnt it from the shop's own stream has the last word: evidence is no more than the probability by which
it ranks. How often the next click then came: `serving/ranking/DESIGN.md`.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.
"""

from __future__ import annotations

from math import sqrt

from serving.candidate import Candidate
from serving.ranking.row import Row
from serving.recommenders import recommenders
from serving.shop import Shop
from serving.stage import Snapshot

FACTS = frozenset({"viewed"})
FADE = 0.25
Z = 1.6448536269514722
_ZZ = Z * Z


def evidence(candidate: Candidate, snapshot: Snapshot, *, likely: bool = False) -> float:
    """The candidate's evidence, 0 to 1; no more than its score, where that says how `likely` it comes next.

    What a row says of an item is kept with that version of the row, by the popularity of when it was first asked for:
    about 0.4 µs then, 4 µs the first time.
    """
    because, item_id = candidate.because_item_id, candidate.item_id
    row = None if because is None else snapshot.rows.get(because)
    if row is None or because is None or candidate.recommender in FACTS:
        return float(candidate.recommender in FACTS)
    beyond = row.evident.get(item_id)
    if beyond is None:
        beyond = row.evident[item_id] = _beyond_popularity(row, item_id, snapshot.shop)
    session = snapshot.visit.session
    if session and session[0] == because:
        sure = 0.0 if because == item_id else beyond
    else:
        sure = beyond * FADE ** (
            (session.index(because) if because in session else len(session)) - (because == item_id)
        )
    return min(sure, candidate.score) if likely and not candidate.rules else sure  # a boosted score is no probability


def personal(recommender: str) -> bool:
    """Whether it claims to speak for this visit; what fills up (`newest`) is no generator's, and claims nothing."""
    found = recommenders().get(recommender)
    return found is not None and found.personal


def _beyond_popularity(row: Row, item_id: str, shop: Shop) -> float:
    code = shop.codes.known(item_id)
    times, of = row.returns if code == row.code else _counted(row, code)
    if not times:
        return 0.0
    bound, popular = lower(min(times, of), of), shop.board.share(item_id)
    return (bound - popular) / (1.0 - popular) if bound > popular else 0.0


def _counted(row: Row, code: int | None) -> tuple[int, int]:
    """How many steps around the row's item led to this one, of how many."""
    codes = row.codes
    place = 0 if code is None else int(codes.searchsorted(code))
    return (int(row.counts[place]) if place < len(codes) and codes[place] == code else 0), row.counted


def lower(times: int, of: int) -> float:
    """What a share is at least, with 95 % certainty, that was `times` of `of` > 0 (Wilson's one-sided bound)."""
    share = times / of
    spread = Z * sqrt((share * (1.0 - share) + _ZZ / (4 * of)) / of)
    return (share + _ZZ / (2 * of) - spread) / (1.0 + _ZZ / of)
