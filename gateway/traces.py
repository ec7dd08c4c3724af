"""Traces for OpenTelemetry: a span for each request, its operation and each database statement.

Spans hold names and times: the route's pattern, our own operations' names, a statement's verb and
table. Never a path, a header, the text of a query or of a statement, or a value.

The exporter, the sampler and the rest are set by OpenTelemetry's own variables, such as
`OTEL_EXPORTER_OTLP_ENDPOINT`.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope
from tortoise import Tortoise

from gateway.observation import OK, Operation

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

SERVICE_NAME = "commerce-gateway"
PROPAGATED = ("traceparent", "tracestate")
TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?(\w+)', re.IGNORECASE)
INNERMOST = re.compile(r"\([^()]*\)")
STATEMENTS_REMEMBERED = 1_000
FIRST_SERVER_ERROR = 500


def exporting_provider() -> TracerProvider:
    """A provider that sends spans off as OpenTelemetry's variables say."""
    is_named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    resource = Resource.create({} if is_named else {"service.name": SERVICE_NAME})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Traces:
    """Makes the spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("gateway")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, scope: Scope, request_id: str) -> Iterator[Span]:
        """The span of a request, below the caller's if it names one (W3C Trace Context)."""
        wanted = {name.encode(): name for name in PROPAGATED}
        carrier = {
            wanted[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in wanted
        }
        with self._tracer.start_as_current_span(
            str(scope.get("method", scope["type"])),
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"gateway.request_id": request_id},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    @contextmanager
    def operation(self, operation: Operation) -> Iterator[None]:
        """The span of a GraphQL request, named when it is known what it is."""
        with self._tracer.start_as_current_span(
            "graphql", record_exception=False, set_status_on_exception=False
        ) as span:
            yield
            span.update_name(f"{operation.kind} {operation.name}")
            span.set_attributes(
                {
                    "graphql.operation.name": operation.name,
                    "graphql.operation.type": operation.kind,
                    "gateway.field": operation.field,
                    "gateway.code": operation.code,
                }
            )
            if operation.code != OK:
                span.set_status(Status(StatusCode.ERROR))

    def statement(self, statement: "LoggedQuery") -> None:
        """The span of a database statement that has just ended."""
        ended_ns = time.time_ns()
        verb, table = verb_and_table(statement.query)
        attributes = {"db.system.name": "postgresql", "db.operation.name": verb}
        if table:
            attributes["db.collection.name"] = table
        if statement.exception is not None:
            attributes["error.type"] = type(statement.exception).__name__
        self._tracer.start_span(
            f"{verb} {table}".strip(),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=ended_ns - int(statement.elapsed * 1e9),
        ).end(ended_ns)

    def tell_answer(self, span: Span, *, method: str, route: str, status: int | None) -> None:
        """Complete the span of a request."""
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.request.method": method, "http.route": route})
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        if status is None or status >= FIRST_SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))

    def close(self) -> None:
        """Send off what is left; it may take some seconds."""
        self._provider.shutdown()


@lru_cache(maxsize=STATEMENTS_REMEMBERED)
def verb_and_table(statement: str) -> tuple[str, str]:
    """What a statement does, and to which of our tables; empty if to none."""
    verb = re.match(r"\s*(\w*)", statement)
    outermost = statement
    while (without := INNERMOST.sub("", outermost)) != outermost:
        outermost = without
    found = TABLE.search(outermost)
    table = found.group(1) if found else ""
    models = Tortoise.apps.get_models_iterable() if Tortoise.apps else ()
    ours = {model.describe()["table"] for model in models}
    return (verb.group(1).upper() if verb else ""), (table if table in ours else "")
