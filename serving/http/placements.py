"""``/v1/admin/placements``: what placements there are, what they still need, and how marketers change them."""

from __future__ import annotations

from typing import Any

from serving.config import BadDocument
from serving.config.desk import Desk
from serving.config.documents import Documents
from serving.http.documents import DocumentRoutes
from serving.placement import Document, Placement
from serving.readiness import Evidence
from serving.search.question import SEARCH


def placement_routes(documents: Documents[Placement], desk: Desk, evidence: Evidence) -> DocumentRoutes[Placement]:
    """The routes."""

    def told(placement: Placement) -> dict[str, Any]:
        return {
            "document": {field: getattr(placement, field) for field in Document.__struct_fields__},
            "readiness": evidence.of(placement),
        }

    return DocumentRoutes("placements", documents, desk, lambda placement: placement.version, told, _check)


def _check(document: dict[str, Any]) -> None:
    if document["name"] == SEARCH.name:
        raise BadDocument("/name", "Decisions of `/v1/search` have this name: give the shelf another one.")
