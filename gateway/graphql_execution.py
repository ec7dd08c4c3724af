"""Executing what was admitted, and saying what came of it."""

import inspect
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, subscribe
from graphql.execution import Executor

from gateway.admission import Admitted
from gateway.answers import RETRY_AFTER_S
from gateway.database import is_away, was_deadlocked
from gateway.documents import BAD_REQUEST, MAX_ERRORS, Document
from gateway.execution.strawberry import StrawberryCompilingExecutor
from gateway.graphql_errors import Refusal, challenge_of, formatted, is_defect
from gateway.graphql_requests import GraphQLRequest
from gateway.idempotency import Executed
from gateway.observation import current_operation, note_code
from gateway.replica.reading import ReadReplica, Unread
from schema.catalogue import Role, Service
from schema.context import Context, Loaders


class GraphExecutor(StrawberryCompilingExecutor):
    """Executes our graph."""

    constants = frozenset({Role, Service})


class Execution:
    """Executes operations of one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        executor_class: type[Executor[Any]],
        hides_suggestions: bool,
        replica: ReadReplica,
    ) -> None:
        self._schema = schema
        self._executor_class = executor_class
        self._hides_suggestions = hides_suggestions
        self._replica = replica

    async def run(
        self, document: Document, asked: GraphQLRequest, context: Context, admitted: Admitted
    ) -> Executed | Refusal:
        """What came of it; a refusal if its variables don't fit, so that it was never begun."""
        began = time.perf_counter()
        result = None
        if not (admitted.changes_something or document.needs_primary):
            result = await self._replica.read(
                context.caller, partial(self._read, document, asked, context)
            )
        if result is None:
            result = await self._executed(document, asked, context)
        observed = current_operation.get()
        if observed is not None:
            observed.executing_s = time.perf_counter() - began
        errors = result.errors or []
        if result.data is None and errors and not any(error.path for error in errors):
            # Variables that don't fit: the operation was never begun.
            return Refusal(errors, BAD_REQUEST)
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body["errors"] = formatted(errors, context.caller.request_id)
            note_code(body["errors"][0]["extensions"]["code"])
        if asked.wants_cost:
            body["extensions"] = {"cost": admitted.price.told()}
        was_away = any(is_away(error.original_error) for error in errors)
        return Executed(
            body,
            has_defect=any(is_defect(error) for error in errors),
            was_deadlocked=any(was_deadlocked(error.original_error) for error in errors),
            headers=challenge_of(errors),
            retry_after_s=RETRY_AFTER_S if was_away else None,
        )

    async def _executed(
        self, document: Document, asked: GraphQLRequest, context: Context
    ) -> ExecutionResult:
        # As `graphql.execute` does it, but for a coroutine more that looks for `@defer`.
        run = self._executor_class.build(
            self._schema,
            _node(document),
            context_value=context,
            raw_variable_values=asked.variables,
            **self._options(asked),
        )
        if isinstance(run, list):
            return ExecutionResult(None, run)
        result: Any = run.execute_operation()
        executed: ExecutionResult = await result if inspect.isawaitable(result) else result
        return executed

    async def _read(
        self, document: Document, asked: GraphQLRequest, context: Context
    ) -> ExecutionResult:
        """What came of it at the replica.

        Raises:
            Unread: Something went wrong, perhaps because of the replica.
        """
        # What failed here is not to be found loaded at the primary.
        own = replace(context, loaders=Loaders(context.caller))
        result = await self._executed(document, asked, own)
        for error in result.errors or ():
            if is_defect(error):
                raise Unread from error.original_error
        return result

    async def follow(
        self, document: Document, asked: GraphQLRequest, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The results of a subscription, one after the other; or why it does not begin."""
        begun: Any = subscribe(
            self._schema,
            _node(document),
            context_value=context,
            variable_values=asked.variables,
            executor_class=self._executor_class,
            **self._options(asked),
        )
        results: AsyncIterator[ExecutionResult] | ExecutionResult = (
            await begun if inspect.isawaitable(begun) else begun
        )
        return results

    def _options(self, asked: GraphQLRequest) -> dict[str, Any]:
        return {
            "operation_name": asked.operation_name,
            "max_coercion_errors": MAX_ERRORS,
            "hide_suggestions": self._hides_suggestions,
            "operation_extensions": asked.extensions,
        }


def _node(document: Document) -> DocumentNode:
    if document.node is None:
        raise AssertionError  # refused before
    return document.node
