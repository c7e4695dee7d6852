"""What a process works with, made from its ports (broker, Redis, catalogue, clock) when it is first asked for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property

from serving.again import Again
from serving.banners.answering import Banners
from serving.banners.campaign import KIND as CAMPAIGN
from serving.banners.learnt import Bandits, modes
from serving.banners.slots import Slots
from serving.banners.standing import Limits
from serving.config.desk import Desk
from serving.config.documents import Config
from serving.console.audit import Audit
from serving.coupons.budgets import Budgets
from serving.coupons.coupons import Coupons
from serving.coupons.offer import KIND as OFFER
from serving.customers import Customers
from serving.decision_log import DecisionLog, Offers
from serving.demand.flagged import Demand
from serving.demand.offers import Offers as ItemOffers
from serving.erasure import Ends, Erasures
from serving.explain import Explanations, ReadSpan
from serving.export import Exports, ReadLog
from serving.filters.rule import Rule as Filter
from serving.http.operations import Heartbeats
from serving.models import Models
from serving.placements import kind as placement_kind
from serving.prices import Prices
from serving.privacy import Ledger
from serving.rows import Reads, Rows
from serving.rules.acting import Rules
from serving.rules.rule import KIND as RULE
from serving.sample import Sampler
from serving.search.behaviour import Behaviour
from serving.search.curation import KIND as SEARCH
from serving.search.curation import Curations
from serving.search.index import Index
from serving.search.knowing import Knowing
from serving.search.question import SEARCH as QUESTIONS
from serving.search.searching import Searching
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
from stream.settings import Settings
from stream.state.keys import Keys
from stream.state.store import Store
from stream.title_vectors import TitleVectors

KINDS = (placement_kind(), RULE, SEARCH, CAMPAIGN, OFFER)
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
    prices: Prices
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


class Parts:
    """The parts of one process behind its routes."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self.settings, self.ports = settings, ports
        self.names = Keys(settings.key_prefix)
        self.signing_key = key_bytes(settings, "signing_key")
        self.pseudonyms = pseudonyms_of(settings)
        # before the catalogue says anything: these are told of changes
        self.shop = Shop(ports.catalogue, ports.vectors, ports.prices)
        self.index = Index(ports.catalogue, ports.vectors)
        self.curations = Curations(ports.config.of(SEARCH))
        self.rules = Rules(ports.config.of(RULE))
        self.knowing = Knowing(
            ports.catalogue, self.shop, self.index, self.curations, ports.timer, rule=self._rule_of_everybody
        )

    def _rule_of_everybody(self) -> Filter | None:
        """What marketers' rules let through now of what anybody searches for."""
        rules = self.rules.of(QUESTIONS.name)
        acting = None if rules is None else rules.acting(None, int(self.ports.clock()))
        return None if acting is None else acting.filter

    def partitions_of(self, noun: str) -> Callable[[], int]:
        """Asks how many partitions a topic has."""
        return lambda: self.ports.partitions(noun)

    def reachable(self, noun: str) -> Callable[[], int]:
        """As `partitions_of`, and 0 while the broker is away."""
        return lambda: self.ports.partitions(noun) if self.ports.live() else 0

    # what is known, and what is answered with it

    @cached_property
    def rows(self) -> Rows:
        ports = self.ports
        pairs = self.partitions_of("pairs")
        return Rows(self.shop, ports.reader, ports.patient, self.names, pairs, ports.rows_copy, clock=ports.timer)

    @cached_property
    def visitors(self) -> Visitors:
        events = self.partitions_of("events")
        return Visitors(self.ports.reader, self.names, self.pseudonyms, events, clock=self.ports.timer)

    @cached_property
    def customers(self) -> Customers:
        profile, allowed = self.partitions_of("profile"), self.visitors.allowed
        return Customers(self.ports.reader, self.names, self.pseudonyms, profile, allowed, clock=self.ports.timer)

    @cached_property
    def models(self) -> Models:
        return Models(self.ports.patient, self.names, self.partitions_of("feedback"))

    @cached_property
    def behaviour(self) -> Behaviour:
        """What shoppers did for queries."""
        ports, queries = self.ports, self.partitions_of("queries")
        heard = self.knowing.popular
        return Behaviour(
            ports.reader, ports.store, self.names, queries, heard=heard, clock=ports.timer, now=ports.clock
        )

    @cached_property
    def decisions(self) -> DecisionLog:
        return DecisionLog(self.ports.offers, self.partitions_of("decisions"))

    @property
    def granted(self) -> bool:
        """Whether the shop assumes the consent of visitors of whom nothing is known."""
        return self.settings.consent_default == "granted"

    @cached_property
    def snapshots(self) -> Snapshots:
        ports = self.ports
        return Snapshots(
            self.shop,
            self.rows,
            self.visitors,
            self.customers,
            self.models,
            lambda: ports.live() and ports.catalogue.ready.is_set(),
            self.rules,
            consent_default=self.granted,
            clock=ports.timer,
        )

    @cached_property
    def demand(self) -> Demand:
        return Demand(self.shop, self.rows)

    @cached_property
    def shelves(self) -> Shelves:
        return Shelves(
            self.shop,
            self.snapshots,
            self.decisions,
            self.demand,
            self.signing_key,
            pid_keys=self.pseudonyms.length,
            clock=self.ports.clock,
        )

    @cached_property
    def offers(self) -> ItemOffers:
        return ItemOffers(
            self.shop,
            self.rows,
            self.snapshots,
            self.demand,
            self.coupons,
            self.signing_key,
            pid_keys=self.pseudonyms.length,
            clock=self.ports.clock,
        )

    @cached_property
    def searching(self) -> Searching:
        return Searching(
            self.shop,
            self.snapshots,
            self.decisions,
            self.signing_key,
            self.index,
            self.knowing,
            self.curations,
            self.behaviour,
            pid_keys=self.pseudonyms.length,
            clock=self.ports.clock,
        )

    @cached_property
    def slots(self) -> Slots:
        return Slots(self.ports.config.of(CAMPAIGN))

    @cached_property
    def policies(self) -> Bandits:
        """Which banner a slot shows."""
        return Bandits(
            self.ports.patient,
            self.names,
            self.partitions_of("feedback"),
            lambda: self.slots.names,
            mode=modes(self.settings.banner_policy),
            least=self.settings.banner_least_share,
        )

    @property
    def banner_limits(self) -> Limits:
        return Limits(self.settings.banners_a_day, self.policies.counts)

    @cached_property
    def banners(self) -> Banners:
        return Banners(
            self.slots,
            self.snapshots,
            self.policies,
            self.decisions,
            self.signing_key,
            limits=self.banner_limits,
            pid_keys=self.pseudonyms.length,
            clock=self.ports.clock,
        )

    @cached_property
    def budgets(self) -> Budgets:
        ports = self.ports
        return Budgets(ports.patient, self.names, ports.config.of(OFFER), self.partitions_of("feedback"))

    @cached_property
    def coupons(self) -> Coupons:
        return Coupons(
            self.ports.config.of(OFFER),
            self.budgets,
            self.models,
            self.visitors,
            self.shop,
            self.ports.offers,
            self.decisions,
            consent_default=self.granted,
            pid_keys=self.pseudonyms.length,
        )

    # shoppers' rights

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.visitors, self.ports.producer, self.ports.store)

    @cached_property
    def erasures(self) -> Erasures:
        ports = self.ports
        return Erasures(
            self.ledger,
            self.visitors,
            ports.producer,
            ports.store,
            ports.ends,
            ports.partitions,
            self.signing_key,
            clock=ports.clock,
            timer=ports.timer,
        )

    @cached_property
    def exports(self) -> Exports:
        ports = self.ports
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

    @cached_property
    def explanations(self) -> Explanations:
        ports = self.ports
        return Explanations(
            ports.within,
            self.visitors.epoch_of,
            self.signing_key,
            self.pseudonyms,
            title_of=self.shop.title_of,
            clock=ports.clock,
        )

    @cached_property
    def again(self) -> Again:
        placements = self.ports.config.of(placement_kind())
        return Again(self.snapshots, lambda: placements.all, clock=self.ports.clock)

    # those who run the shop

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.ports.producer, self.reachable("audit"), self.ports.clock)

    @cached_property
    def desk(self) -> Desk:
        ports = self.ports
        return Desk(ports.config, ports.producer, self.audit, self.reachable("config"), ports.clock)

    @cached_property
    def sampler(self) -> Sampler:
        ports = self.ports
        return Sampler(ports.ends, ports.read, self.reachable("events"), clock=ports.clock, timer=ports.timer)
