"""``/v1/admin/offers``: declared offers, and what each has given of its budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.config.desk import Desk
from serving.config.documents import Documents
from serving.coupons.budgets import Budgets
from serving.coupons.offer import Offer
from serving.http.documents import DocumentRoutes
from stream.budgets import Budget


def offer_routes(documents: Documents[Offer], desk: Desk, budgets: Budgets) -> DocumentRoutes[Offer]:
    """The routes of the documents."""

    def told(one: Offer) -> dict[str, Any]:
        held: Mapping[str, Budget] = budgets.held
        spent = held.get(one.name, Budget())
        return {"document": one.document, "given": spent.given, "refused": spent.refused}

    return DocumentRoutes("offers", documents, desk, lambda one: one.version, told)
