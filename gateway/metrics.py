"""Metrics for Prometheus: what is counted, and `/metrics`, where it is read.

With several workers each writes into files of one folder, which any of them adds up for a reader
(prometheus-client's multiprocess mode); so it does not matter which one is asked.
"""

import asyncio
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.database import DATABASE_TROUBLE, pool_state
from gateway.observation import Operation, current_operation
from resolvers.outbox import Backlog, backlogs

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one `gateway serve` write; read by prometheus-client when it is imported."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS = {"GET", "HEAD", "POST", "OPTIONS", "websocket"}
VERBS = {"SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT"}

SAMPLE_EVERY_S = 1.0
READ_WITHIN_S = 3.0


class Metrics:
    """What one process counts."""

    def __init__(self, open_streams: Callable[[], int]) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Histogram(
            "gateway_http_request_seconds",
            "HTTP requests, until the answer is handed to the server.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=registry,
        )
        self._operations = Histogram(
            "gateway_operation_seconds",
            "GraphQL requests by operation and by the first error's code.",
            ["operation", "field", "code"],
            buckets=SECONDS,
            registry=registry,
        )
        self._executions = Counter(
            "gateway_execution_seconds",
            "Time in which operations were executed: resolvers, and what they waited for.",
            ["operation"],
            registry=registry,
        )
        self._waits = Counter(
            "gateway_execution_database_seconds",
            "Time of the database statements of requests (PostgreSQL).",
            ["operation"],
            registry=registry,
        )
        self._statements = Histogram(
            "gateway_database_statement_seconds",
            "Database statements, without the wait for a connection (PostgreSQL).",
            ["verb"],
            buckets=SECONDS,
            registry=registry,
        )
        self._connections = _live_gauge(
            registry, "gateway_database_connections", "Connections of the pools (PostgreSQL).",
            "state",
        )  # fmt: skip
        self._waiting = _live_gauge(
            registry, "gateway_database_waiting", "Tasks that wait for a connection (PostgreSQL)."
        )
        self._reads = Counter(
            "gateway_reads",
            "Queries that may be answered by the read replica, by the server that did.",
            ["server"],
            registry=registry,
        )
        self._in_use = Gauge(
            "gateway_database_in_use", "1 if queries go there.", ["server"],
            registry=registry, multiprocess_mode="livemin",
        )  # fmt: skip
        self._lag = Gauge(
            "gateway_database_lag_seconds", "How far it is behind the primary.", ["server"],
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip
        self._streams = _live_gauge(registry, "gateway_streams", "Subscriptions that are open.")
        self._open_streams = open_streams
        self._by_verb = {verb: self._statements.labels(verb) for verb in (*VERBS, "other")}
        if FOLDER_VARIABLE not in os.environ:
            ProcessCollector(registry=registry)

    def observe_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).observe(seconds)

    def observe_operation(self, operation: Operation, *, seconds: float) -> None:
        """Count a GraphQL request."""
        labels = (operation.name, operation.field, operation.code)
        self._operations.labels(*labels).observe(seconds)
        self._executions.labels(operation.name).inc(operation.executing_s)

    def observe_statement(self, statement: "LoggedQuery") -> None:
        """Count a database statement, on behalf of the request that it was run for."""
        verb = statement.query.lstrip()[:9].partition(" ")[0].rstrip(";").upper()
        self._by_verb.get(verb, self._by_verb["other"]).observe(statement.elapsed)
        operation = current_operation.get()
        if operation is not None:
            self._waits.labels(operation.name).inc(statement.elapsed)

    def count_read(self, server: str) -> None:
        """Count a query by the server that it was answered from."""
        self._reads.labels(server).inc()

    def note_replica(self, *, is_used: bool, lag_s: float | None) -> None:
        """Set whether the replica is used, and how far it is behind; NaN if that is not known."""
        self._in_use.labels("replica").set(is_used)
        self._lag.labels("replica").set(nan if lag_s is None else lag_s)

    def sample(self) -> None:
        """Take note of how many streams and connections there are now."""
        self._streams.set(self._open_streams())
        state = pool_state()
        if state is not None:
            self._connections.labels("in_use").set(state.in_use)
            self._connections.labels("idle").set(state.idle)
            self._waiting.set(state.waiting)

    async def sample_forever(self, stop: asyncio.Event) -> None:
        """Do so each second, for whichever worker is asked."""
        while not stop.is_set():
            self.sample()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), SAMPLE_EVERY_S)

    def text(self, outbox: list[Backlog] | None, *, now: datetime) -> bytes:
        """All of it as Prometheus reads it; `outbox` is None if the database does not answer."""
        self.sample()
        asked = CollectorRegistry()
        asked.register(_Asked(outbox, now))
        return self._counted() + generate_latest(asked)

    def _counted(self) -> bytes:
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is None:
            return generate_latest(self._registry)
        _forget_the_dead(Path(folder))
        together = CollectorRegistry()
        MultiProcessCollector(together, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _live_gauge(registry: CollectorRegistry, name: str, documentation: str, *labels: str) -> Gauge:
    """A gauge of which a reader sees the sum over the workers that are alive."""
    return Gauge(name, documentation, labels, registry=registry, multiprocess_mode="livesum")


def _forget_the_dead(folder: Path) -> None:
    """Drop the gauges of workers that were killed, and could not do it themselves."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


class _Asked(Collector):
    """What the database is asked for when the metrics are read."""

    def __init__(self, outbox: list[Backlog] | None, now: datetime) -> None:
        self._outbox = outbox
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Whether it answers, and what waits to be delivered."""
        is_up = self._outbox is not None
        yield GaugeMetricFamily("gateway_database_up", "1 if it answers.", value=float(is_up))
        waiting = GaugeMetricFamily(
            "gateway_outbox_waiting", "What waits to be delivered.", labels=["of"]
        )
        oldest = GaugeMetricFamily(
            "gateway_outbox_oldest_seconds", "How long the oldest has waited.", labels=["of"]
        )
        for each in self._outbox or ():
            age = (self._now - each.oldest).total_seconds() if each.oldest is not None else 0.0
            waiting.add_metric([each.of], each.waiting)
            oldest.add_metric([each.of], max(0.0, age))
        yield waiting
        yield oldest


def metrics_route(metrics: Metrics, token: SecretStr, *, now: Callable[[], datetime]) -> Route:
    """`GET /metrics`, for whoever has the token."""
    expected = f"Bearer {token.get_secret_value()}".encode()

    async def read(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, expected):
            message = "Metrics are read with GATEWAY_METRICS_TOKEN as bearer token.\n"
            return PlainTextResponse(
                message, status_code=401, headers={"www-authenticate": "Bearer"}
            )
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                outbox = await backlogs()
        except DATABASE_TROUBLE:
            outbox = None
        return Response(metrics.text(outbox, now=now()), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", read)
