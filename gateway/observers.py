"""Who is told of requests, operations and statements: metrics, traces, both or nobody.

Nobody by default, and then nothing is measured.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import Scope

from gateway.metrics import Metrics, metrics_route
from gateway.observation import Operation, current_operation
from gateway.settings import Settings

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

    from gateway.traces import Traces


UNOBSERVED = nullcontext()
"""Keeps nothing, so that it serves everyone."""


class Observers:
    """Those of one process."""

    def __init__(self, settings: Settings, *, open_streams: Callable[[], int]) -> None:
        self._token = settings.metrics_token
        self.metrics = Metrics(open_streams) if settings.metrics_token else None
        self._traces = _traces() if settings.traces else None
        self.are_there = self.metrics is not None or self._traces is not None

    def routes(self, *, now: Callable[[], datetime]) -> list[Route]:
        """Where they are asked."""
        if self.metrics is None or self._token is None:
            return []
        return [metrics_route(self.metrics, self._token, now=now)]

    @property
    def on_statement(self) -> Callable[["LoggedQuery"], None] | None:
        """What is to be told of each database statement."""
        told = [
            *([self.metrics.observe_statement] if self.metrics else []),
            *([self._traces.statement] if self._traces else []),
        ]
        if len(told) != 2:  # noqa: PLR2004 - both
            return told[0] if told else None

        def tell_both(statement: "LoggedQuery") -> None:
            for tell in told:
                tell(statement)

        return tell_both

    @contextmanager
    def request(self, scope: Scope, request_id: str) -> Iterator["Answered"]:
        """Observe an HTTP request; the block fills in what it gives."""
        answered = Answered()
        began = time.perf_counter()
        with ExitStack() as stack:
            if self._traces is not None:
                span = stack.enter_context(self._traces.request(scope, request_id))
            try:
                yield answered
            finally:
                method = scope.get("method", scope["type"])
                if self._traces is not None:
                    self._traces.tell_answer(
                        span, method=method, route=answered.route, status=answered.status
                    )
                if self.metrics is not None and answered.status is not None:
                    self.metrics.observe_request(
                        method=method,
                        route=answered.route,
                        status=answered.status,
                        seconds=time.perf_counter() - began,
                    )

    def operation(self) -> AbstractContextManager[Operation | None]:
        """Observe a GraphQL request; None if nobody wants to know."""
        return self._operation() if self.are_there else UNOBSERVED

    @contextmanager
    def _operation(self) -> Iterator[Operation]:
        operation = Operation()
        began = time.perf_counter()
        token = current_operation.set(operation)
        try:
            if self._traces is None:
                yield operation
            else:
                with self._traces.operation(operation):
                    yield operation
        finally:
            current_operation.reset(token)
            if self.metrics is not None:
                seconds = time.perf_counter() - began
                self.metrics.observe_operation(operation, seconds=seconds)

    def count_read(self, server: str) -> None:
        """Count a query that a replica could answer, by who has: `replica`, `primary`, `both`."""
        if self.metrics is not None:
            self.metrics.count_read(server)

    def note_replica(self, *, is_used: bool, lag_s: float | None) -> None:
        """Take note of the replica; None if it is not known how far it is behind."""
        if self.metrics is not None:
            self.metrics.note_replica(is_used=is_used, lag_s=lag_s)

    async def watch(self, stop: asyncio.Event) -> None:
        """Note what changes unasked, until `stop`; then send off what is left."""
        try:
            if self.metrics is not None:
                await self.metrics.sample_forever(stop)
            else:
                await stop.wait()
        finally:
            if self._traces is not None:
                await asyncio.to_thread(self._traces.close)


class Answered:
    """What came of an HTTP request."""

    route: str = "unrouted"
    status: int | None = None


def _traces() -> "Traces":
    from gateway.traces import Traces, exporting_provider  # noqa: PLC0415 - an extra

    return Traces(exporting_provider())


def problem_with_traces() -> str | None:
    """Why there can be none, as one line for the operator."""
    try:
        import gateway.traces  # noqa: F401, PLC0415 - to see whether the extra is there
    except ModuleNotFoundError:
        return "GATEWAY_TRACES: needs OpenTelemetry: pip install 'commerce-gateway[otel]'"
    return None
