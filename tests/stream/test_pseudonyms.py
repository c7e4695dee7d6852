"""The chain of pseudonym keys: wherever a name comes from, it ends where the whole chain would have taken it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from stream.keyring import pseudonyms
from stream.pseudonyms import ONE_KEY, Pseudonyms, TooFewKeys
from stream.settings import Settings
from stream.tokens import BadToken, customer_pseudonym, pseudonym

keys = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5, unique=True)
ids = st.text(min_size=1, max_size=128).filter(lambda text: text.isprintable())


@given(keys=keys, id_=ids, epoch=st.integers(0, 9), data=st.data())
def test_a_name_by_some_of_the_keys_continued_is_the_name_by_all(
    keys: list[bytes], id_: str, epoch: int, data: st.DataObject
) -> None:
    some = data.draw(st.integers(1, len(keys)))
    shorter, whole = Pseudonyms(keys[:some]), Pseudonyms(keys)
    assert whole.continued(shorter.of_visitor(id_, epoch), some) == whole.of_visitor(id_, epoch)
    assert whole.continued(shorter.of_customer(id_), some) == whole.of_customer(id_)
    assert whole.first_of_customer(id_) == Pseudonyms(keys[:1]).of_customer(id_)
    assert whole.earlier(id_) == [Pseudonyms(keys[:n]).of_visitor(id_) for n in range(1, len(keys))]


@given(keys=keys, id_=ids)
def test_every_key_gives_another_name_of_the_same_form(keys: list[bytes], id_: str) -> None:
    names = [Pseudonyms(keys[: n + 1]).of_visitor(id_) for n in range(len(keys))]
    assert len(set(names)) == len(names)
    assert all(len(name) == 26 and set(name) <= set("abcdefghijklmnopqrstuvwxyz234567") for name in names)


def test_one_key_makes_the_names_that_it_always_made() -> None:
    one = Pseudonyms((b"key",))
    assert (one.of_visitor("v1", 3), one.of_customer("c1")) == (
        pseudonym(b"key", "v1", 3),
        customer_pseudonym(b"key", "c1"),
    )
    assert (one.length, one.earlier("v1")) == (1, [])


def test_a_longer_chain_does_not_change_with_a_release() -> None:
    assert Pseudonyms((b"key", b"another", b"third")).of_visitor("v1") == "qlq6wp7vv4w6vogfie2o37teee"


def test_without_its_key_nobody_goes_on() -> None:
    with pytest.raises(TooFewKeys, match="of 2 keys, this process has 1"):
        ONE_KEY.continued("a" * 26, 2)
    with pytest.raises(BadToken, match="newer keys"):
        ONE_KEY.of_token("a" * 26, 2)


@given(keys=keys)
def test_a_key_counts_once(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="in use already"):
        Pseudonyms(keys).and_another(keys[-1])


@given(one=keys, other=keys)
def test_chains_are_told_apart(one: list[bytes], other: list[bytes]) -> None:
    assert (Pseudonyms(one).fingerprint == Pseudonyms(other).fingerprint) == (one == other)


def test_the_settings_name_the_chain_oldest_first() -> None:
    conf = Settings(pseudonym_key=SecretStr("a key"), later_pseudonym_keys=SecretStr(" second\nthird "))
    assert pseudonyms(conf).fingerprint == Pseudonyms((b"a key", b"second", b"third")).fingerprint
