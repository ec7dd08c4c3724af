"""Liveness and readiness."""

import asyncio
import time

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.database import DATABASE_TROUBLE, pending_migrations
from gateway.draining import Drain

READY_WITHIN_S = 3.0

BUSY_FOR_S = 15.0
"""How long the last answer of the database counts while it answers slowly."""


async def alive(request: Request) -> JSONResponse:
    """Liveness: the process answers."""
    del request
    return JSONResponse({"status": "ok"})


class Readiness:
    """Whether this process may get requests: it stays, the database answers, and is migrated.

    A database that is busy is not away: if an answer takes long, as when all connections are in
    use, the last one counts for `BUSY_FOR_S`. Else all replicas would leave service together as
    soon as there is more to do than they can, and none would do any of it.
    """

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._answered_at = -BUSY_FOR_S

    async def respond(self, request: Request) -> JSONResponse:
        """200, or 503 with what is in the way."""
        del request
        if self._drain.has_begun:
            return JSONResponse({"status": "draining"}, status_code=503)
        problem = await self._problem()
        if problem is None:
            return JSONResponse({"status": "ok", "database": "ok", "migrations": "ok"})
        return JSONResponse({"status": "unavailable", **problem}, status_code=503)

    async def _problem(self) -> dict[str, str] | None:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                pending = await pending_migrations()
        except TimeoutError:
            if time.monotonic() - self._answered_at < BUSY_FOR_S:
                return None
            return {"database": "does not answer"}
        except DATABASE_TROUBLE:
            return {"database": "does not answer"}
        if pending:
            return {"database": "ok", "migrations": f"{len(pending)} to apply: run gateway migrate"}
        self._answered_at = time.monotonic()
        return None


def routes(drain: Drain) -> list[Route]:
    """`/healthz` and `/readyz`."""
    return [Route("/healthz", alive), Route("/readyz", Readiness(drain).respond)]
