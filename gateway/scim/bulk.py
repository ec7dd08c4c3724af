"""`/Bulk`: many changes in one request, each for itself (RFC 7644 section 3.7)."""

import asyncio
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

import orjson
from scim2_models import BulkRequest, BulkResponse, InvalidSyntaxException, InvalidValueException
from starlette.datastructures import Headers
from starlette.responses import Response

from gateway.scim.asking import Asked
from gateway.scim.errors import ANTICIPATED, SCIM_JSON, Problematic, error_answer
from gateway.scim.lengths import MAX_BULK_OPERATIONS
from gateway.scim.operations import OF_RESOURCES, operation_at

METHODS = ("POST", "PUT", "PATCH", "DELETE")

CHANGES = {
    address: {method: methods[method] for method in METHODS if method in methods}
    for address, methods in OF_RESOURCES.items()
}
"""What an operation may do."""

BEGIN_WITHIN_S = 10.0
"""What was not begun by then is refused: what changes something is not given up, and a server that
is to end waits for it."""

NOT_BEGUN = f"The request has taken {BEGIN_WITHIN_S:.0f} seconds: send the operation again."

REFERENCE = "bulkId:"
"""Begins what stands for the id of a user that another operation makes (section 3.7.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """An operation, as it was sent: whether it can be done shows when it is."""

    method: Any
    bulk_id: Any
    version: Any
    parts: Sequence[str]
    """Of the path; none if it is no text."""
    data: Any
    references: frozenset[str]
    """The `bulkId`s that stand for ids in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of a step."""

    step: Step
    answer: Response
    location: str | None

    @property
    def is_error(self) -> bool:
        """Whether the step was refused."""
        return self.answer.status_code >= HTTPStatus.BAD_REQUEST

    @property
    def made_id(self) -> str | None:
        """The id of the user that the step made, if it did."""
        return None if self.is_error else str(orjson.loads(self.answer.body)["id"])

    def told(self) -> dict[str, object]:
        """As the answer has it."""
        told = {
            "method": self.step.method,
            "bulkId": self.step.bulk_id,
            "location": self.location,
            "version": self.answer.headers.get("etag"),
            "status": str(self.answer.status_code),
            "response": orjson.loads(self.answer.body) if self.is_error else None,
        }
        return {name: value for name, value in told.items() if value is not None}


async def run(asked: Asked) -> Response:
    """`POST /Bulk`: each operation in its own transaction, by the rules and at the cost of its own.

    They are done in their order, but for one that refers to a user who is made further down, which
    waits for him.

    Raises:
        Problematic: 413; there are too many.
        InvalidSyntaxException: They can't be understood.
        InvalidValueException: Two have the same `bulkId`, or `failOnErrors` is no number of them.
    """
    body = {name.lower(): value for name, value in asked.body.items()}
    steps, errors_left = _steps_in(body), _fail_on_errors_in(body)
    awaited = {step.bulk_id for step in steps if step.method == "POST"}
    made: dict[str, str | None] = {}
    outcomes: dict[int, Outcome] = {}
    begin_until = asyncio.get_running_loop().time() + BEGIN_WITHIN_S
    while errors_left > 0:
        index = _next(steps, outcomes, awaited)
        if index is None:
            break
        outcome = outcomes[index] = await _outcome(asked, steps[index], made, begin_until)
        if outcome.step.method == "POST":
            made[outcome.step.bulk_id] = outcome.made_id
            awaited.discard(outcome.step.bulk_id)
        errors_left -= outcome.is_error
    told = [outcomes[index].told() for index in sorted(outcomes)]
    message = {"schemas": [str(BulkResponse.__schema__)], "Operations": told}
    return Response(orjson.dumps(message), media_type=SCIM_JSON)


def _steps_in(body: Mapping[str, Any]) -> list[Step]:
    schemas, operations = body.get("schemas"), body.get("operations")
    if not isinstance(schemas, list) or str(BulkRequest.__schema__) not in schemas:
        raise InvalidSyntaxException(detail=f"schemas must name {BulkRequest.__schema__}.")
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise InvalidSyntaxException(detail="Operations must be a list of objects.")
    if len(operations) > MAX_BULK_OPERATIONS:
        detail = f"{len(operations)} operations; maxOperations is {MAX_BULK_OPERATIONS}."
        raise Problematic(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    steps = [_step(operation) for operation in operations]
    ids = [step.bulk_id for step in steps if step.bulk_id is not None]
    if not all(isinstance(id_, str) for id_ in ids):
        raise InvalidSyntaxException(detail="Each bulkId must be a text.")
    if len(set(ids)) < len(ids):
        raise InvalidValueException(detail="Each bulkId must be of one operation alone.")
    return steps


def _step(operation: Mapping[str, Any]) -> Step:
    given = {name.lower(): value for name, value in operation.items()}
    method, path, data = given.get("method"), given.get("path"), given.get("data")
    parts = [unquote(part) for part in path.split("/") if part] if isinstance(path, str) else []
    return Step(
        method=method.upper() if isinstance(method, str) else None,
        bulk_id=given.get("bulkid"),
        version=given.get("version"),
        parts=parts,
        data=data,
        references=frozenset(_references([parts, data])),
    )


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(REFERENCE):
        yield value.removeprefix(REFERENCE)
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _references(each)


def _fail_on_errors_in(body: Mapping[str, Any]) -> float:
    """After how many errors the rest is left undone."""
    number = body.get("failonerrors")
    if number is None:
        return math.inf
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InvalidValueException(detail="failOnErrors must be a whole number from 1.")
    return number


def _next(steps: Sequence[Step], done: Container[int], awaited: AbstractSet[str]) -> int | None:
    """The first step that waits for nobody, or else the first of those that wait in a circle."""
    left = [index for index in range(len(steps)) if index not in done]
    ready = (index for index in left if not steps[index].references & awaited)
    return next(ready, left[0] if left else None)


async def _outcome(
    asked: Asked, step: Step, made: Mapping[str, str | None], begin_until: float
) -> Outcome:
    location = _location(asked, step, step.parts)
    try:
        if asyncio.get_running_loop().time() > begin_until:
            raise Problematic(HTTPStatus.SERVICE_UNAVAILABLE, NOT_BEGUN)
        parts, data = _with_ids(step.parts, made), _with_ids(step.data, made)
        location = _location(asked, step, parts)
        answer = await _answer(asked, step, parts, data)
    except ANTICIPATED as error:
        return Outcome(step=step, answer=error_answer(error), location=location)
    return Outcome(step=step, answer=answer, location=location or answer.headers["location"])


def _location(asked: Asked, step: Step, parts: Sequence[str]) -> str | None:
    """Where the step leads, unless it makes something: then its answer tells (section 3.7)."""
    if step.method == "POST" or not parts:
        return None
    return "/".join([asked.place.base, *(quote(part, safe="=") for part in parts)])


async def _answer(asked: Asked, step: Step, parts: Sequence[str], data: Any) -> Response:
    """What the operation would be answered alone.

    Raises:
        InvalidSyntaxException: It is none.
        Exception: Any of `ANTICIPATED`, as it would be alone.
    """
    if step.method not in METHODS:
        raise InvalidSyntaxException(detail=f"method must be one of {', '.join(METHODS)}.")
    if step.method == "POST" and step.bulk_id is None:
        raise InvalidSyntaxException(detail="A POST needs a bulkId.")
    if not parts:
        raise InvalidSyntaxException(detail="path must lead to a resource, as in /Users.")
    if step.method != "DELETE" and not isinstance(data, dict):
        raise InvalidSyntaxException(detail="data must be an object.")
    if step.version is not None and not (isinstance(step.version, str) and step.version.isascii()):
        raise InvalidSyntaxException(detail="version must be one that an answer had.")
    operation = operation_at(CHANGES, step.method, parts)
    await asked.count(operation.cost)
    return await operation.run(
        replace(
            asked,
            id=parts[1] if len(parts) > 1 else "",
            parameters={},
            headers=Headers({"if-match": step.version} if step.version else {}),
            body=data if step.method != "DELETE" else {},
        )
    )


def _with_ids(value: Any, made: Mapping[str, str | None]) -> Any:
    """The same with ids in place of references.

    Raises:
        Problematic: 409; there is none for a reference (section 3.7.1).
    """
    if isinstance(value, dict):
        return {name: _with_ids(each, made) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_ids(each, made) for each in value]
    for bulk_id in _references(value):
        id_ = made.get(bulk_id)
        if id_ is None:
            detail = f"No operation with the bulkId {bulk_id!r} has created anything."
            raise Problematic(HTTPStatus.CONFLICT, detail)
        return id_
    return value
