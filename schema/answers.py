"""How every mutation answers: with its payload, or with the problems that stood in the way."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import strawberry

from resolvers.refusals import Refused
from schema.context import Info
from schema.errors import to_user_errors

P = TypeVar("P")
R = TypeVar("R")


def form(description: str) -> object:
    """The description of an input argument."""
    return strawberry.argument(description=description)


async def answer(
    info: Info,
    payload: Callable[..., P],
    outcome: Awaitable[R],
    view: Callable[[R], dict[str, Any]],
) -> P:
    """The payload of what was done, or of why it was refused."""
    try:
        done = await outcome
    except Refused as refusal:
        return payload(user_errors=to_user_errors(refusal, info.context))
    info.context.forget_rows()
    return payload(**view(done))
