"""A producer whose clock is wrong, straight from Kafka, where nothing but the record's own timestamp says the time."""

from __future__ import annotations

import json

import pytest

from stream.ingest import Accepted, validate
from tests.poison.street import DAY_MS, HERE, MINUTE_MS, NEIGHBOURS, PUSHED, START_MS, Street, look


@pytest.mark.parametrize("item", [HERE, PUSHED])
def test_a_record_from_the_far_future_spoils_no_row(item: str) -> None:
    """Learnt from, it would let everything else of the item decay to nothing at once."""
    street = Street()
    now = START_MS + 60 * MINUTE_MS
    before = street.shared(now)
    far = START_MS + 73 * 365 * DAY_MS
    event = look("producer", item, far)
    del event["received_at"], event["edge"]
    accepted = validate(json.dumps(event).encode(), timestamp=far)
    assert isinstance(accepted, Accepted)
    assert accepted.at == far
    street.history.fold(accepted, learning=True)
    assert street.shared(now) == before
    street.play([look("somebody", NEIGHBOURS[0], now)])
    popular = street.shelf("trending", now)[HERE]
    street.play([look("honest", HERE, now)])
    assert street.shelf("trending", now)[HERE] > popular
