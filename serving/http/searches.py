"""``/v1/admin/searches``: what marketers say of searches."""

from __future__ import annotations

from typing import Any

from serving.config.desk import Desk
from serving.config.documents import Documents
from serving.http.documents import DocumentRoutes
from serving.search.curation import Curation, warnings
from serving.shop import Shop


def curation_routes(documents: Documents[Curation], desk: Desk, shop: Shop) -> DocumentRoutes[Curation]:
    """The routes of the documents."""

    def told(one: Curation) -> dict[str, Any]:
        return {"document": one.document, "warnings": warnings(one, lambda item_id: shop.item(item_id) is not None)}

    return DocumentRoutes("searches", documents, desk, lambda one: one.version, told)
