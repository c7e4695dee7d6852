"""The privacy notice: what the code does, in words that a shopper can read."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from serving.http.routes import described
from serving.notice import PrivacyNotice, notice
from serving.placements import placements
from serving.recommenders import recommenders
from stream.consent import PURPOSES
from stream.learners import names
from stream.topics import TOPICS
from stream.visitor import SIGNALS
from tests.serving.deployment import Deployment


async def test_everybody_may_read_it(shop: Deployment) -> None:
    answer = await shop.call("GET", "/v1/privacy/notice", key=None)
    assert answer.status_code == 200
    told = msgspec.json.decode(answer.content, type=PrivacyNotice)
    assert told == notice("denied")


async def test_it_says_what_holds_of_those_who_said_nothing() -> None:
    granting = Deployment(consent_default="granted")
    assert (await granting.call("GET", "/v1/privacy/notice", key=None)).json()["consent_default"] == "granted"


def test_every_purpose_that_a_store_has_is_explained() -> None:
    told = notice("denied")
    explained = {one.purpose for one in told.purposes}
    assert {*PURPOSES} <= explained
    assert {purpose for store in told.stores for purpose in store.purposes} <= explained


def test_the_main_parameters_are_those_of_the_code() -> None:
    system = notice("denied").recommender_systems
    assert {one.name: one.explain for one in system.recommenders} == {n: r.explain for n, r in recommenders().items()}
    assert {one.name: one.recommenders for one in system.placements} == {
        name: one.recommenders for name, one in placements().items()
    }
    assert [one.partition(":")[0] for one in system.models] == names()
    assert notice("denied").signals == {one.name: one.explain for one in SIGNALS}


def test_what_is_kept_of_raw_records_is_their_topics_retention() -> None:
    told = notice("denied")
    for store in told.stores:
        if store.name.startswith("kafka:"):
            topic = next(one for one in TOPICS.values() if store.name == f"kafka:{one.name}")
            assert store.deleted_after_s == (topic.retention_days * 86_400 or None)


async def test_every_right_is_a_route_that_exists(shop: Deployment) -> None:
    routes = {f"{one.method} {described(one.path)}" for one in shop.api.routes}
    named = {
        right.route for right in notice("denied").rights if right.route.startswith(("GET", "PUT", "POST", "DELETE"))
    }
    assert len(named) == 4
    assert named <= routes


def sentences(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in sentences(one)]
    if isinstance(value, list):
        return [text for one in value for text in sentences(one)]
    return [value] if isinstance(value, str) and value.count(" ") > 4 else []


def test_it_is_written_in_sentences() -> None:
    told = sentences(json.loads(msgspec.json.encode(notice("denied"))))
    assert len(told) > 40
    assert [text for text in told if len(text) > 260] == []
