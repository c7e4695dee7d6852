"""The API: every route, and the parts that answer it."""

from __future__ import annotations

from functools import cached_property

from serving.banners.campaign import KIND as CAMPAIGN
from serving.coupons.offer import KIND as OFFER
from serving.http import openapi
from serving.http.access import Access
from serving.http.asking import Asking
from serving.http.banners import BannerOf
from serving.http.campaigns import CampaignPreview, campaign_routes
from serving.http.catalog import Catalog
from serving.http.coupons import offer_routes
from serving.http.crowd import Crowd
from serving.http.data_health import HealthOfData
from serving.http.decisions import Decisions
from serving.http.events import Events
from serving.http.export import Export
from serving.http.keys import ApiKeys
from serving.http.notice import Notice
from serving.http.offers import OffersRoute
from serving.http.operations import Operations
from serving.http.page import Page
from serving.http.placements import placement_routes
from serving.http.proofs import Proofs
from serving.http.rate import Limits
from serving.http.recommendations import Recommendations
from serving.http.routes import Answering, Route, guarded
from serving.http.rules import RulePreview, rule_routes
from serving.http.search import Search
from serving.http.search_preview import SearchPreviewing
from serving.http.search_report import SearchReports
from serving.http.searches import curation_routes
from serving.http.stamps import Stamps
from serving.http.suggest import Suggest
from serving.http.visitor_tokens import VisitorTokens
from serving.http.visitors import Rights
from serving.parts import Parts
from serving.placements import kind as placement_kind
from serving.readiness import Evidence
from serving.rules.rule import KIND as RULE
from serving.search.curation import KIND as SEARCH
from serving.search.preview import Previews
from serving.search.report import Reports


class Api(Parts):
    """The parts of a process with its routes."""

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """All routes, each behind the gate."""
        placements = self.ports.config.of(placement_kind())
        asking = Asking(self._proofs, placements, self.signing_key, self.settings.require_visitor_token)
        ports = self.ports
        return guarded(
            self.access,
            self._events,
            Recommendations(asking, self.shelves),
            Page(asking, self.shelves),
            placement_routes(placements, self.desk, Evidence(self.shop, self.rows)),
            *self._rules(asking),
            BannerOf(asking, self.banners),
            *self._campaigns(asking),
            Search(asking, self.searching),
            Suggest(self.knowing.suggested),
            OffersRoute(asking, self.offers),
            *self._curations(asking),
            offer_routes(ports.config.of(OFFER), self.desk, self.budgets),
            Catalog(ports.producer, ports.catalogue, self.reachable("catalog")),
            self.visitor_tokens,
            self._rights,
            Export(self.exports),
            Decisions(self.explanations, self.again, self.visitors.pid_of),
            Notice(self.settings.consent_default, placements),
            self.operations,
            HealthOfData(self.sampler, ports.catalogue, self.signing_key, clock=ports.timer),
            SearchReports(Reports(ports.store, self.partitions_of("queries"), ports.clock)),
            openapi.Reference(),
        )

    def _rules(self, asking: Asking) -> tuple[Answering, ...]:
        documents = self.ports.config.of(RULE)
        preview = RulePreview(asking, documents, self.snapshots, self.ports.clock)
        return rule_routes(documents, asking.placements, self.desk, self.shop), preview

    def _campaigns(self, asking: Asking) -> tuple[Answering, ...]:
        documents, limits = self.ports.config.of(CAMPAIGN), self.banner_limits
        preview = CampaignPreview(asking, documents, self.snapshots, self.policies, limits, self.ports.clock)
        return campaign_routes(documents, asking.placements, self.desk), preview

    def _curations(self, asking: Asking) -> tuple[Answering, ...]:
        documents, rules = self.ports.config.of(SEARCH), self.ports.config.of(RULE)
        tried = Previews(self.snapshots, self.index, self.knowing, self.behaviour, documents, rules)
        return curation_routes(documents, self.desk, self.shop), SearchPreviewing(asking, tried, self.ports.clock)

    @cached_property
    def access(self) -> Access:
        """The gate."""
        return Access(ApiKeys.of(self.settings), self._proofs, self._limits)

    @cached_property
    def visitor_tokens(self) -> VisitorTokens:
        return VisitorTokens(self.signing_key, self.pseudonyms, self.visitors.pid_of, self.ports.clock)

    @cached_property
    def operations(self) -> Operations:
        ports = self.ports
        return Operations(
            ports.lag,
            ports.patient,
            self.names,
            ports.catalogue,
            self.rows,
            self.models,
            self.decisions,
            ports.live,
            lambda: self.visitors.level.known,
            ports.leaving,
            ports.config.ready.is_set,
            lambda: self.knowing.ready,
            clock=ports.timer,
        )

    @cached_property
    def _proofs(self) -> Proofs:
        return Proofs(self.signing_key, self.pseudonyms, self.visitors.pid_of, self.ports.clock)

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.settings.requests_an_address, self.ports.timer)

    @cached_property
    def _events(self) -> Events:
        settings, ports = self.settings, self.ports
        stamps = Stamps(
            self._proofs,
            Crowd(settings.visitors_taught_an_address, ports.timer),
            consent_default=self.granted,
            trust_browser_purchases=settings.trust_browser_purchases,
            require_token=settings.require_visitor_token,
        )
        return Events(
            self._proofs,
            self._limits,
            stamps,
            ports.producer,
            self.visitors,
            self.ledger,
            self.signing_key,
            self.reachable("events"),
            clock=ports.clock,
        )

    @cached_property
    def _rights(self) -> Rights:
        return Rights(
            self._proofs,
            self.visitors,
            self.ledger,
            self.erasures,
            self.ports.producer,
            self.signing_key,
            require_token=self.settings.require_visitor_token,
            consent_default=self.granted,
            clock=self.ports.clock,
        )
