import numpy as np
import pytest

from tests.intent.boosting import Boosting
from tests.intent.measure import auc, online
from tests.intent.visits import FILE, LEAKS, Visits, visits


@pytest.fixture(scope="module")
def known() -> Visits:
    if not FILE.exists():
        pytest.skip(f"no {FILE.name} in {FILE.parent}: set LIVESHELF_TEST_DATA to the folder of the data sets")
    return visits()


def test_intent_is_learnt_in_one_pass(known: Visits) -> None:
    assert online(known, 0)[0] >= 0.92


def test_and_without_the_feature_that_leaks(known: Visits) -> None:
    assert online(known.without(LEAKS), 0)[0] >= 0.70


def test_told_at_random_who_bought_nothing_is_learnt(known: Visits) -> None:
    shuffled = np.random.default_rng(0).permutation(known.bought)
    assert abs(online(known._replace(bought=shuffled), 0)[0] - 0.5) < 0.06


def test_a_split_holds_every_visit_once(known: Visits) -> None:
    training, test = known.split(0)
    assert sorted([*training, *test]) == list(range(len(known.bought)))


def test_a_tie_is_half_a_pair() -> None:
    assert auc(np.array([1.0, 1.0, 0.0, 2.0]), np.array([True, False, False, True])) == 0.875


def test_boosting_finds_what_no_line_can() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2_000, 3))
    bought = (values[:, 0] > 0.1) ^ (values[:, 1] > 0.3)
    boosting = Boosting(values[:1_000], bought[:1_000])
    assert auc(boosting.scores(values[1_000:]), bought[1_000:]) > 0.95
