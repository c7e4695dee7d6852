"""``/v1/admin/campaigns``: marketers' campaigns, and what a slot would show before one is on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from serving.banners.answering import seed_of, shopper_of, told_of
from serving.banners.campaign import Campaign, campaign
from serving.banners.policy import Policies
from serving.banners.preview import Asked, preview, warnings
from serving.banners.standing import Limits, Whom
from serving.config import BadDocument
from serving.config.desk import Desk
from serving.config.documents import Documents
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Id
from serving.http.body import struct_of
from serving.http.documents import MOST_BYTES, DocumentRoutes
from serving.http.exchange import Exchange
from serving.http.rules import UNNAMED, instant
from serving.placement import Name, Placement
from serving.request import Request
from serving.search.question import SEARCH
from serving.snapshot import Snapshots
from stream.strict_json import whole_floats_as_integers

_encode = msgspec.json.Encoder().encode


class CampaignPreviewAsk(Struct, frozen=True, kw_only=True):
    """A slot, and a draft of a campaign to try in it; without one, what it shows now, or `at` another time."""

    slot: Name
    # named, not referenced: tools that make requests from the API's description take a minute to make campaigns
    campaign: Annotated[dict[str, Any], Meta(description="As `schemas/campaign.json` says.")] | None = None
    at: Annotated[str, Meta(max_length=40)] | None = None
    visitor_id: Id | None = None
    customer_id: Id | None = None


def campaign_routes(
    documents: Documents[Campaign], placements: Documents[Placement], desk: Desk
) -> DocumentRoutes[Campaign]:
    """The routes of the documents."""

    def told(one: Campaign) -> dict[str, Any]:
        return {"document": one.document, "warnings": warnings(one)}

    def check(document: Mapping[str, Any]) -> None:
        check_slots(document, placements)

    return DocumentRoutes("campaigns", documents, desk, lambda one: one.version, told, check)


def check_slots(document: Mapping[str, Any], placements: Documents[Placement]) -> None:
    """Refuse a slot that is called as a placement is (`BadDocument`): their decisions could not be told apart."""
    for place, name in enumerate(document["slots"]):
        if name in placements.all or name == SEARCH.name:
            raise BadDocument(f"/slots/{place}", "A placement has this name: give the slot another one.")


class CampaignPreview:
    """The route."""

    def __init__(
        self,
        asking: Asking,
        campaigns: Documents[Campaign],
        snapshots: Snapshots,
        policies: Policies,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._asking, self._campaigns, self._snapshots = asking, campaigns, snapshots
        self._policies, self._limits, self._clock = policies, limits, clock

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("POST", "/v1/admin/campaigns/preview", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        """Decide twice, and write nothing."""
        ask = struct_of(await exchange.body(MOST_BYTES), CampaignPreviewAsk)
        draft = None if ask.campaign is None else self._draft(ask.campaign)
        visitor_id = self._asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id)
        request, now = Request(visitor_id=visitor_id, customer_id=ask.customer_id or ""), int(self._clock())
        snapshot = await self._snapshots.read_visitor(request, None, now)
        at = now if ask.at is None else instant(ask.at)
        whom = Whom(shopper_of(request, snapshot, at), self._limits, at)
        campaigns = tuple(self._campaigns.all.values())
        by, context = self._policies.of(ask.slot), told_of(whom.shopper, snapshot)
        asked = Asked(ask.slot, whom, seed_of(snapshot, ask.slot), by, context, campaigns)
        return Answer(_encode(preview(asked, draft)))

    def _draft(self, sent: dict[str, Any]) -> Campaign:
        document: dict[str, Any] = whole_floats_as_integers({"name": UNNAMED, **sent})
        try:
            read = campaign(document, document["name"])
            check_slots(document, self._asking.placements)
        except BadDocument as error:
            raise problem.invalid(f"/campaign{error.pointer}", error.detail) from None
        return read
