from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream
from stream.features import INTENT_FEATURES
from stream.learners import intent
from stream.progressive import Metrics
from stream.published import (
    FORMAT,
    LARGEST_BYTES,
    Linear,
    ModelRefusedError,
    Sealed,
    Version,
    bounded,
    load_published,
    seal,
    unseal,
)

NAMES = ("a", "b", "c")


def version(**changes: Any) -> Version:
    scorer = Linear(intercept=-1.0, weights=[1.0, -2.0, 5.0], means=[0.0, 1.0, 2.0], deviations=[1.0, 0.5, 0.0],
                    clip=3.0, norm=3.0)  # fmt: skip
    made = Version(model="m", version=4, learnt=120, refused=2, at=9, features=list(NAMES), scorer=scorer,
                   state={"weights": [1.0]}, metrics=Metrics(120, 9, 0.7, 0.6, 0.8, 0.3, 0.4))  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def packed(**changes: Any) -> bytes:
    return msgspec.msgpack.encode(seal(version(**changes)))


def forged(body: bytes, number: int = FORMAT) -> bytes:
    return msgspec.msgpack.encode(Sealed(number, hashlib.sha256(body).digest(), body))


def test_a_version_survives_its_bytes() -> None:
    assert unseal(seal(version())) == version()
    published = load_published(packed(), NAMES)
    assert (published.model, published.version, published.learnt, published.refused) == ("m", 4, 120, 2)
    assert published.features == NAMES
    assert published.metrics.auc == 0.7


def test_it_scores_by_hand() -> None:
    published = load_published(packed(), NAMES)
    log_odds = -1.0 + 1.0 * 1.0 - 2.0 * (1.5 - 1.0) / 0.5
    assert published.predict([1.0, 1.5, 99.0]) == pytest.approx(1 / (1 + math.exp(-log_odds)))


def test_what_a_feature_adds_is_told_largest_first() -> None:
    published = load_published(packed(), NAMES)
    parts = published.contributions([1.0, 1.5, 99.0])
    assert list(parts.items()) == [("b", -2.0), ("a", 1.0), ("c", 0.0)]
    assert published.predict([1.0, 1.5, 99.0]) == pytest.approx(1 / (1 + math.exp(1.0 - sum(parts.values()))))


def test_extreme_log_odds_are_certain_without_overflow() -> None:
    far = Linear(intercept=0.0, weights=[1e6], means=[0.0], deviations=[1.0], clip=3.0, norm=3.0)
    published = load_published(packed(features=["a"], scorer=far), ("a",))
    assert (published.predict([5.0]), published.predict([-5.0])) == (1.0, 0.0)


def test_a_wrong_number_of_features_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        load_published(packed(), NAMES).predict([1.0])


@pytest.mark.parametrize(("low", "proven"), [(None, False), (0.49, False), (0.51, True)])
def test_proven_means_better_than_chance(low: float | None, proven: bool) -> None:
    assert load_published(packed(metrics=Metrics(auc_low=low)), NAMES).proven is proven


def test_scaled_values_are_bounded_one_by_one_and_together() -> None:
    assert bounded([1.0, -2.0, 0.0], 3.0, 3.0) == [1.0, -2.0, 0.0]
    assert bounded([9.0, -9.0, 1.0], 3.0, 99.0) == [3.0, -3.0, 1.0]
    short = bounded([9.0, 3.0, -9.0, 0.0], 3.0, 3.0)
    assert math.hypot(*short) == pytest.approx(3.0)
    assert short[0] == short[1] == -short[2]


def test_any_changed_byte_is_refused() -> None:
    good = packed()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 0x01
        with pytest.raises(ModelRefusedError):
            load_published(bytes(bad), NAMES)


def test_a_cut_or_lengthened_blob_is_refused() -> None:
    good = packed()
    for cut in range(len(good)):
        with pytest.raises(ModelRefusedError):
            load_published(good[:cut], NAMES)
    with pytest.raises(ModelRefusedError):
        load_published(good + b"\0", NAMES)


@pytest.mark.parametrize("bad", [b"", b"\x80", b"null", b"\xc0", b"\x93\x01\xc4\x00", bytes(100)])
def test_foreign_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(ModelRefusedError, match="no published model"):
        load_published(bad, NAMES)


def test_another_format_is_refused_by_its_number() -> None:
    with pytest.raises(ModelRefusedError, match="format 2"):
        load_published(forged(seal(version()).body, number=2), NAMES)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc0",
        msgspec.msgpack.encode({"model": "m"}),
        msgspec.msgpack.encode(version()).replace(b"learnt", b"l\xffarnt"),
        b"\x81\xa5state" + b"\x81\xa1a" * 20_000 + b"\xc0",
    ],
)
def test_a_body_with_a_right_checksum_but_no_version_is_refused(body: bytes) -> None:
    with pytest.raises(ModelRefusedError, match="cannot be read"):
        load_published(forged(body), NAMES)


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(ModelRefusedError, match="at most"):
        load_published(bytes(2 * LARGEST_BYTES + 1), NAMES)
    with pytest.raises(ModelRefusedError, match="at most"):
        unseal(Sealed(FORMAT, b"", bytes(LARGEST_BYTES + 1)))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_never_sealed_nor_opened(number: float) -> None:
    scorer = version().scorer
    for changes in (
        {"scorer": msgspec.structs.replace(scorer, intercept=number)},
        {"scorer": msgspec.structs.replace(scorer, weights=[1.0, number, 0.0])},
        {"scorer": msgspec.structs.replace(scorer, deviations=[1.0, number, 0.0])},
        {"state": {"deep": [{"er": [number]}]}},
        {"metrics": Metrics(auc=number)},
    ):
        with pytest.raises(ModelRefusedError, match="finite"):
            seal(version(**changes))
        with pytest.raises(ModelRefusedError, match="finite"):
            load_published(forged(msgspec.msgpack.encode(version(**changes))), NAMES)


@pytest.mark.parametrize(
    "change", [{"weights": [1.0]}, {"means": []}, {"deviations": [1.0] * 4}, {"clip": 0.0}, {"norm": -1.0},
               {"deviations": [1.0, -1.0, 1.0]}],
)  # fmt: skip
def test_a_scorer_that_is_not_whole_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ModelRefusedError):
        seal(version(scorer=msgspec.structs.replace(version().scorer, **change)))


def test_a_model_for_other_features_is_refused() -> None:
    with pytest.raises(ModelRefusedError, match="other features"):
        load_published(packed(), ("a", "c", "b"))
    with pytest.raises(ModelRefusedError, match="other features"):
        load_published(packed())


def test_the_intent_model_says_where_its_versions_are_opened() -> None:
    assert intent.load_published is load_published
    assert intent.Intent().features == INTENT_FEATURES


def test_serving_scores_without_loading_river() -> None:
    script = "import sys, stream.published; print(sorted({'river', 'scipy'} & {*sys.modules}))"
    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(stream.__path__[0]).parent)},
    )
    assert told.stdout.strip() == "[]"
