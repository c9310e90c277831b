"""Metrics of a server process, as docs/metrics.md describes them. Each is defined here and set where it is measured."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

disable_created_metrics()  # a second series for each counter and histogram, which no rule uses

REGISTRY = CollectorRegistry()
"""All metrics of this process."""

ProcessCollector(registry=REGISTRY)

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Upper bounds in seconds of what should take milliseconds."""

_SLOW = (1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)
"""Upper bounds in seconds of what takes seconds to an hour."""

_METHOD = ("grpc_type", "grpc_service", "grpc_method")

CALLS_STARTED = Counter("grpc_server_started", "Calls that have begun.", _METHOD, registry=REGISTRY)
CALLS_HANDLED = Counter("grpc_server_handled", "Calls that have ended.", (*_METHOD, "grpc_code"), registry=REGISTRY)
CALL_SECONDS = Histogram(
    "grpc_server_handling_seconds", "Duration of calls.", _METHOD, buckets=_FAST, registry=REGISTRY
)

BUILD_INFO = Gauge(
    "collateral_build_info",
    "Versions of program, contract and schema.",
    ("version", "contract", "schema"),
    registry=REGISTRY,
)
WATCHERS = Gauge("collateral_watchers", "Open streams of watchers.", ("method",), registry=REGISTRY)
WATCHERS_REFUSED = Counter(
    "collateral_watchers_refused", "Watchers refused because too many were open.", registry=REGISTRY
)
WATCHERS_BEHIND = Counter(
    "collateral_watchers_behind", "Times that a watcher fell behind new events.", registry=REGISTRY
)
WRITER_WAIT = Histogram(
    "collateral_writer_wait_seconds",
    "Time from a change's arrival until its transaction is open.",
    buckets=_FAST,
    registry=REGISTRY,
)
TICK_TO_EVENT = Histogram(
    "collateral_tick_to_event_seconds",
    "Time from the arrival of prices until their events are committed.",
    buckets=_FAST,
    registry=REGISTRY,
)
STOCK_ACKNOWLEDGEMENT = Histogram(
    "collateral_stock_acknowledgement_seconds",
    "Time from the arrival of a batch of movements until it is durable.",
    buckets=_FAST,
    registry=REGISTRY,
)
INVOICE_ACKNOWLEDGEMENT = Histogram(
    "collateral_invoice_acknowledgement_seconds",
    "Time from the arrival of a batch of ledger entries until it is durable.",
    buckets=_FAST,
    registry=REGISTRY,
)
FEED_ACKNOWLEDGEMENT = {"stock_feed": STOCK_ACKNOWLEDGEMENT, "invoice_feed": INVOICE_ACKNOWLEDGEMENT}
"""By the field that names a feed in requests."""

RUN_SECONDS = Histogram(
    "collateral_revaluation_run_seconds",
    "Time from the start of a revaluation run until its publication.",
    buckets=_SLOW,
    registry=REGISTRY,
)
MODEL_WORK_WAITING = Gauge("collateral_model_work_waiting", "Model work that waits for a process.", registry=REGISTRY)


# The label lender is empty where the service serves one lender; Prometheus stores such a series as one without label.
BOOK_COMMIT = Gauge("collateral_book_commit_sequence", "Sequence of the newest commit.", ("lender",), registry=REGISTRY)
BOOK_COMMIT_TIME = Gauge(
    "collateral_book_commit_timestamp_seconds", "Time of the newest commit.", ("lender",), registry=REGISTRY
)
BOOK_BUSINESS_DATE = Gauge(
    "collateral_book_business_date_timestamp_seconds",
    "Midnight, UTC, of the business date.",
    ("lender",),
    registry=REGISTRY,
)
BOOK_EXPOSURE = Gauge(
    "collateral_book_exposure",
    "Exposure of the active loans in major units.",
    ("currency", "lender"),
    registry=REGISTRY,
)
BOOK_LOANS = Gauge(
    "collateral_book_loans", "Active loans by level and coverage.", ("level", "coverage", "lender"), registry=REGISTRY
)
BOOK_OLDEST_PRICE_AGE = Gauge(
    "collateral_book_oldest_price_age_seconds",
    "Business date less the date of the oldest price that covers an active loan.",
    ("lender",),
    registry=REGISTRY,
)
BOOK_REJECTED_MOVEMENTS = Gauge(
    "collateral_book_open_rejected_movements",
    "Rejected stock movements that are not resolved.",
    ("lender",),
    registry=REGISTRY,
)
BOOK_PENDING_STOCK = Gauge(
    "collateral_book_pending_stock_changes", "Changes of lots that are not yet applied.", ("lender",), registry=REGISTRY
)
BOOK_READ_TIME = Gauge(
    "collateral_book_read_timestamp_seconds",
    "Time at which the figures of the book were current.",
    ("lender",),
    registry=REGISTRY,
)
BOOK_READ_SECONDS = Gauge(
    "collateral_book_read_duration_seconds",
    "Duration of the last reading of the whole book.",
    ("lender",),
    registry=REGISTRY,
)
