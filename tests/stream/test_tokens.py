"""Pseudonyms and signed tokens: what they say comes back, and nothing else is believed."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.tokens import (
    BadToken,
    DecisionToken,
    FreshToken,
    VisitorToken,
    customer_pseudonym,
    decision_id,
    fresh_token,
    pseudonym,
    read_decision_id,
    read_fresh_token,
    read_visitor_token,
    sign,
    verify,
    visitor_token,
)

KEY = b"signing key"
PID = pseudonym(b"pseudonym key", "visitor")
DECISION = DecisionToken("home_for_you", "a", 1_790_000_000_000, PID, 7, 86_400, 3_600, b"12345678")
LARGEST = 2**53


def test_a_pseudonym_is_26_characters_that_say_nothing() -> None:
    assert len(PID) == 26
    assert set(PID) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_pseudonym_belongs_to_its_key_its_visitor_and_its_epoch() -> None:
    others = {
        pseudonym(b"pseudonym key", "visitor", 1),
        pseudonym(b"pseudonym key", "visitor "),
        pseudonym(b"another key", "visitor"),
        pseudonym(b"pseudonym key", "vïsitor"),
        pseudonym(b"pseudonym key", "\0\0\0\1visitor"),
    }
    assert len(others | {PID}) == 6
    assert pseudonym(b"pseudonym key", "visitor") == PID == pseudonym(b"pseudonym key", "visitor", 0)


def test_the_first_pseudonym_does_not_change_with_a_release() -> None:
    """Redis keys are made of it."""
    assert pseudonym(b"key", "v1") == "dqzibtdwypqf7wqgvehharuvke"


def test_a_customers_pseudonym_is_no_visitors() -> None:
    cid = customer_pseudonym(b"pseudonym key", "visitor")
    assert cid != PID
    assert cid == customer_pseudonym(b"pseudonym key", "visitor") != customer_pseudonym(b"another key", "visitor")


@given(
    pid=st.text(min_size=1, max_size=128).map(lambda text: pseudonym(b"key", text)),
    cid=st.none() | st.text(min_size=1, max_size=128),
    expires_at=st.integers(0, LARGEST),
    keys=st.integers(1, 9),
)
def test_a_visitor_comes_back(pid: str, cid: str | None, expires_at: int, keys: int) -> None:
    token = VisitorToken(pid, "" if cid is None else customer_pseudonym(b"key", cid), expires_at, keys)
    assert read_visitor_token(KEY, visitor_token(KEY, token)) == token


@given(topic=st.sampled_from(("events", "catalog")), partition=st.integers(0, 10_000), offset=st.integers(0, LARGEST))
def test_a_fresh_token_comes_back(topic: str, partition: int, offset: int) -> None:
    place = FreshToken(topic, partition, offset)
    assert read_fresh_token(KEY, fresh_token(KEY, place)) == place


@given(
    placement=st.text(max_size=64),
    variation=st.text(max_size=64),
    at=st.integers(0, LARGEST),
    policy=st.integers(0, LARGEST),
    nonce=st.binary(min_size=8, max_size=8),
    pid=st.sampled_from((PID, "")),
    keys=st.integers(1, 9),
)
def test_a_decision_comes_back(
    placement: str, variation: str, at: int, policy: int, nonce: bytes, pid: str, keys: int
) -> None:
    decision = DecisionToken(placement, variation, at, pid, policy, 1, 2, nonce, keys)
    assert read_decision_id(KEY, decision_id(KEY, decision)) == decision


@pytest.mark.parametrize(("placement_bytes", "variation_bytes"), [(64, 36), (50, 50), (36, 64)])
def test_the_longest_decision_has_at_most_256_bytes(placement_bytes: int, variation_bytes: int) -> None:
    """Both names together may have 100 bytes; signature, pseudonym and the largest numbers take the rest."""
    placement, variation = "p" * placement_bytes, "v" * variation_bytes
    longest = DecisionToken(placement, variation, LARGEST, PID, 2**31, 2**31, 2**31, b"n" * 8, keys=99)
    assert len(decision_id(KEY, longest)) <= 256


def test_a_token_of_one_key_is_as_before_there_were_more() -> None:
    assert DECISION.keys == 1
    assert len(verify(KEY, "decision", decision_id(KEY, DECISION))) == len(DECISION) - 1
    assert len(verify(KEY, "visitor", visitor_token(KEY, VisitorToken(PID, "", 1)))) == 3


def test_tokens_travel_in_urls_and_headers() -> None:
    token = decision_id(KEY, DECISION)
    assert all(character.isalnum() or character in "-_" for character in token)


@pytest.mark.parametrize(
    ("token", "read"),
    [
        (fresh_token(KEY, FreshToken("events", 3, 77)), read_fresh_token),
        (decision_id(KEY, DECISION), read_decision_id),
        (visitor_token(KEY, VisitorToken(PID, PID, 1_790_000_000)), read_visitor_token),
    ],
)
def test_no_bit_can_be_changed(token: str, read: Callable[[bytes, str], object]) -> None:
    blob = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for place in range(len(blob)):
        for bit in range(8):
            changed = bytearray(blob)
            changed[place] ^= 1 << bit
            with pytest.raises(BadToken):
                read(KEY, urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode())


@pytest.mark.parametrize("read", [read_fresh_token, read_decision_id, read_visitor_token])
@pytest.mark.parametrize(
    "token",
    ["", "a", "=", "====", "a" * 12, "a" * 16, "a" * 100_000, "ü", "\ud800", "\0", "null", "e30", " ", "../../etc"],
)
def test_what_is_no_token_is_refused_with_a_sentence(read: object, token: str) -> None:
    with pytest.raises(BadToken, match="send it exactly as the API gave it"):
        read(KEY, token)  # type: ignore[operator]


def spellings(token: str) -> list[str]:
    """Other texts that a lenient decoder reads as the same bytes."""
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(token[-1])
    other = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
    return [token + "=", token + "==", token + "\n", " " + token, token[:5] + "!" + token[5:], token[:-1] + other]


@pytest.mark.parametrize("place", range(6))
def test_a_token_has_one_spelling(place: int) -> None:
    """Whatever is counted once by its token cannot be counted again by another spelling of it."""
    for offset in range(300):
        token = fresh_token(KEY, FreshToken("events", 3, offset))
        with pytest.raises(BadToken):
            read_fresh_token(KEY, spellings(token)[place])


def test_another_key_is_refused() -> None:
    with pytest.raises(BadToken, match="not ours"):
        read_fresh_token(b"another key", fresh_token(KEY, FreshToken("events", 1, 2)))


def test_a_token_of_another_kind_is_refused() -> None:
    with pytest.raises(BadToken, match="decision token where a fresh token is needed"):
        read_fresh_token(KEY, decision_id(KEY, DECISION))
    with pytest.raises(BadToken, match="fresh token where a visitor token is needed"):
        read_visitor_token(KEY, fresh_token(KEY, FreshToken("events", 1, 2)))


@pytest.mark.parametrize("fields", [(), ("events",), ("events", "1", 2), ("events", 1, 2, 3), (1, 2, 3)])
def test_a_token_of_another_release_is_refused(fields: tuple[object, ...]) -> None:
    with pytest.raises(BadToken, match="another release"):
        read_fresh_token(KEY, sign(KEY, "fresh", fields))
    with pytest.raises(BadToken, match="another release"):
        read_decision_id(KEY, sign(KEY, "decision", fields))
    with pytest.raises(BadToken, match="another release"):
        read_visitor_token(KEY, sign(KEY, "visitor", fields))
