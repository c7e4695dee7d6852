"""The API put together: what it is made of, given its ports (broker, Redis, catalogue, clock)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from serving.config.desk import Desk
from serving.config.documents import Config
from serving.console.audit import Audit
from serving.customers import Customers
from serving.decision_log import DecisionLog, Offers
from serving.erasure import Ends, Erasures
from serving.explain import Explanations, ReadSpan
from serving.export import Exports, ReadLog
from serving.http.access import Access
from serving.http.asking import Asking
from serving.http.catalog import Catalog
from serving.http.crowd import Crowd
from serving.http.data_health import HealthOfData
from serving.http.decisions import Decisions
from serving.http.events import Events
from serving.http.export import Export
from serving.http.keys import ApiKeys
from serving.http.notice import Notice
from serving.http.operations import Heartbeats, Operations
from serving.http.page import Page
from serving.http.placements import Placements
from serving.http.proofs import Proofs
from serving.http.rate import Limits
from serving.http.recommendations import Recommendations
from serving.http.routes import Route, routes
from serving.http.stamps import Stamps
from serving.http.visitor_tokens import VisitorTokens
from serving.http.visitors import Rights
from serving.models import Models
from serving.placements import kind as placement_kind
from serving.privacy import Ledger
from serving.readiness import Evidence
from serving.rows import Reads, Rows
from serving.sample import Sampler
from serving.sends import Sends
from serving.shelves import Shelves
from serving.shop import Shop
from serving.snapshot import Snapshots
from serving.visitors import Visitors
from stream.catalogue import Catalogue
from stream.keyring import key_bytes
from stream.keyring import pseudonyms as pseudonyms_of
from stream.lag import Row as LagRow
from stream.local_copy import LocalCopy
from stream.pseudonyms import Pseudonyms
from stream.settings import Settings
from stream.state.keys import Keys
from stream.state.store import Store
from stream.title_vectors import TitleVectors

KINDS = (placement_kind(),)
"""What marketers edit."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside the process that the API talks to.

    Parameters
    ----------
    reader: reads state for requests, with a short budget; `patient` for what runs in the background.
    producer: sends events and items; `offers` takes decisions that may be lost.
    partitions: how many partitions a topic has, by noun; 0 while nobody knows.
    live: whether the broker answered a moment ago.
    store: writes what the API may write of a visitor's privacy, and asks with patience.
    ends: the next offset of partitions' logs, `read` their records, `within` those of a span of time; all raise
        `BrokerAway`.
    lag: how far every agent is; raises `BrokerAway` or `Unavailable`.
    leaving: whether the process is about to end.
    config: what marketers edit.
    clock: now, in ms; `timer` seconds that only grow.
    """

    reader: Reads
    patient: Heartbeats
    producer: Sends
    offers: Offers
    catalogue: Catalogue
    vectors: TitleVectors
    partitions: Callable[[str], int]
    live: Callable[[], bool]
    store: Store
    ends: Ends
    read: ReadLog
    within: ReadSpan
    lag: Callable[[], Awaitable[list[LagRow]]]
    config: Config = field(default_factory=lambda: Config(KINDS))
    rows_copy: LocalCopy | None = None
    leaving: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = lambda: time.time() * 1000
    timer: Callable[[], float] = time.monotonic


class Api:
    """The parts of the API, and its routes."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        names, signing_key = Keys(settings.key_prefix), key_bytes(settings, "signing_key")
        catalogue, partitions = ports.catalogue, ports.partitions
        self.shop = Shop(catalogue, ports.vectors)
        self.rows = Rows(
            self.shop,
            ports.reader,
            ports.patient,
            names,
            lambda: partitions("pairs"),
            ports.rows_copy,
            clock=ports.timer,
        )
        pseudonyms = pseudonyms_of(settings)
        self.visitors = Visitors(ports.reader, names, pseudonyms, lambda: partitions("events"), clock=ports.timer)
        self.customers = Customers(
            ports.reader,
            names,
            pseudonyms,
            lambda: partitions("profile"),
            self.visitors.allowed,
            clock=ports.timer,
        )
        self.models = Models(ports.patient, names, lambda: partitions("feedback"))
        self.decisions = DecisionLog(ports.offers, lambda: partitions("decisions"))
        snapshots = Snapshots(
            self.shop,
            self.rows,
            self.visitors,
            self.customers,
            self.models,
            lambda: ports.live() and catalogue.ready.is_set(),
            clock=ports.timer,
        )
        shelves = Shelves(
            self.shop, snapshots, self.decisions, signing_key, pid_keys=pseudonyms.length, clock=ports.clock
        )
        self.ledger = Ledger(self.visitors, ports.producer, ports.store)
        self.erasures = Erasures(
            self.ledger,
            self.visitors,
            ports.producer,
            ports.store,
            ports.ends,
            partitions,
            signing_key,
            clock=ports.clock,
            timer=ports.timer,
        )
        self.operations = Operations(
            ports.lag,
            ports.patient,
            names,
            catalogue,
            self.rows,
            self.models,
            self.decisions,
            ports.live,
            lambda: self.visitors.level.known,
            ports.leaving,
            ports.config.ready.is_set,
            clock=ports.timer,
        )
        self.visitor_tokens = VisitorTokens(signing_key, pseudonyms, self.visitors.pid_of, ports.clock)
        proofs = Proofs(signing_key, pseudonyms, self.visitors.pid_of, ports.clock)
        limits = Limits(settings.requests_an_address, ports.timer)
        access = Access(ApiKeys.of(settings), proofs, limits)
        self.origins = access.origins
        self.audit = Audit(ports.producer, lambda: partitions("audit") if ports.live() else 0, ports.clock)
        desk = Desk(
            ports.config,
            ports.producer,
            self.audit,
            lambda: partitions("config") if ports.live() else 0,
            ports.clock,
        )
        placements = ports.config.of(placement_kind())
        asking = Asking(proofs, placements, signing_key, settings.require_visitor_token)
        self.routes: tuple[Route, ...] = routes(
            access,
            self._events(settings, ports, proofs, limits, signing_key),
            Recommendations(asking, shelves),
            Page(asking, shelves),
            Placements(placements, desk, Evidence(self.shop, self.rows)),
            Catalog(ports.producer, catalogue, lambda: partitions("catalog") if ports.live() else 0),
            self.visitor_tokens,
            self._rights(settings, ports, proofs, signing_key),
            Export(self._exports(ports)),
            Decisions(self._explanations(ports, signing_key, pseudonyms), self.visitors.pid_of),
            Notice(settings.consent_default, placements),
            self.operations,
            HealthOfData(self._sampler(ports), catalogue, signing_key, clock=ports.timer),
        )

    def _events(self, settings: Settings, ports: Ports, proofs: Proofs, limits: Limits, signing_key: bytes) -> Events:
        stamps = Stamps(
            proofs,
            Crowd(settings.visitors_taught_an_address, ports.timer),
            consent_default=settings.consent_default == "granted",
            trust_browser_purchases=settings.trust_browser_purchases,
            require_token=settings.require_visitor_token,
        )
        return Events(
            proofs,
            limits,
            stamps,
            ports.producer,
            self.visitors,
            self.ledger,
            signing_key,
            lambda: ports.partitions("events") if ports.live() else 0,
            clock=ports.clock,
        )

    def _sampler(self, ports: Ports) -> Sampler:
        return Sampler(
            ports.ends,
            ports.read,
            lambda: ports.partitions("events") if ports.live() else 0,
            clock=ports.clock,
            timer=ports.timer,
        )

    def _rights(self, settings: Settings, ports: Ports, proofs: Proofs, signing_key: bytes) -> Rights:
        return Rights(
            proofs,
            self.visitors,
            self.ledger,
            self.erasures,
            ports.producer,
            signing_key,
            require_token=settings.require_visitor_token,
            consent_default=settings.consent_default == "granted",
            clock=ports.clock,
        )

    def _exports(self, ports: Ports) -> Exports:
        return Exports(
            self.visitors,
            self.models,
            self.shop,
            ports.store,
            ports.ends,
            ports.read,
            ports.partitions,
            clock=ports.clock,
            timer=ports.timer,
        )

    def _explanations(self, ports: Ports, signing_key: bytes, pseudonyms: Pseudonyms) -> Explanations:
        return Explanations(ports.within, self.visitors.epoch_of, signing_key, pseudonyms, clock=ports.clock)
