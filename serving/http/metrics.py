"""What this process counts and times, in Prometheus's words; `/metrics` shows it."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from stream.published import Ready

disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 2.5, 10.0)

REQUESTS = Counter("liveshelf_requests", "answered HTTP requests", ["route", "status"])
REFUSED = Counter("liveshelf_requests_refused", "requests refused as too many were in flight", ["lane"])
REQUEST_SECONDS = Histogram("liveshelf_request_seconds", "from a request to its answer", ["route"], buckets=_SECONDS)
EVENTS = Counter("liveshelf_events", "events that came over HTTP, by verdict and reason", ["status", "reason"])
EVENTS_NOT_TEACHING = Counter(
    "liveshelf_events_not_teaching", "events not learnt from, as too many visitors came from their address"
)
DECISIONS = Counter("liveshelf_decisions", "decisions, by placement and status", ["placement", "status"])
ANSWERS = Counter("liveshelf_answers", "decisions, by placement and what they were made from", ["placement", "rung"])
DECISIONS_DROPPED = Gauge("liveshelf_decisions_dropped", "decision records that found no room since the process began")
ITEMS = Gauge("liveshelf_catalogue_items", "items of the catalogue in this process")
ITEMS_REFUSED = Gauge("liveshelf_catalogue_records_refused", "catalogue records that are no items")
ROWS = Gauge("liveshelf_rows", "item rows in this process")
LIVE = Gauge("liveshelf_source_up", "whether a source answers: kafka, redis", ["source"])
LAG_RECORDS = Gauge("liveshelf_lag_records", "records that wait for an agent", ["agent", "partition"])
LAG_SECONDS = Gauge("liveshelf_lag_seconds", "how long the oldest of them waits, about", ["agent", "partition"])
EVENTS_LOST = Gauge("liveshelf_events_lost", "records that the log lost before they were read, as workers tell")
MODEL_AUC = Gauge("liveshelf_model_auc", "progressive AUC of a live model (tested before learnt)", ["model"])
MODEL_LEARNT = Gauge("liveshelf_model_examples", "examples that a live model has learnt", ["model"])
MODEL_VERSION = Gauge("liveshelf_model_version", "version of a live model in use", ["model"])
MODEL_LOG_LOSS = Gauge("liveshelf_model_log_loss_nats", "progressive log loss of a live model", ["model"])
MODEL_MRR = Gauge(
    "liveshelf_model_mrr",
    "1 / place of what shoppers took from a placement's shelves, mean: by the model (tested before learnt), as shown",
    ["model", "placement", "order"],
)


def of_model(model: Ready) -> None:
    """Take over what a published model says of itself."""
    found = model.metrics
    MODEL_VERSION.labels(model.model).set(model.version)
    MODEL_LEARNT.labels(model.model).set(model.learnt)
    if found.auc is not None:
        MODEL_AUC.labels(model.model).set(found.auc)
    if found.log_loss is not None:
        MODEL_LOG_LOSS.labels(model.model).set(found.log_loss)
    for placement, shelves in found.placements.items():
        if shelves.mrr is not None and shelves.shown_mrr is not None:
            MODEL_MRR.labels(model.model, placement, "model").set(shelves.mrr)
            MODEL_MRR.labels(model.model, placement, "shown").set(shelves.shown_mrr)
