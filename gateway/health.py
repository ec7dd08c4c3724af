"""Liveness and readiness."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.database import DATABASE_TROUBLE, pending_migrations
from gateway.draining import Drain

READY_WITHIN_S = 3.0


async def alive(request: Request) -> JSONResponse:
    """Liveness: the process answers."""
    del request
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> JSONResponse:
    """Readiness: the process stays, the database answers, and has the newest schema."""
    drain: Drain = request.app.state.drain
    if drain.has_begun:
        return JSONResponse({"status": "draining"}, status_code=503)
    problem = await _problem()
    if problem is None:
        return JSONResponse({"status": "ok", "database": "ok", "migrations": "ok"})
    return JSONResponse({"status": "unavailable", **problem}, status_code=503)


async def _problem() -> dict[str, str] | None:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            pending = await pending_migrations()
    except DATABASE_TROUBLE:
        return {"database": "does not answer"}
    if pending:
        return {"database": "ok", "migrations": f"{len(pending)} to apply: run gateway migrate"}
    return None


def routes() -> list[Route]:
    """`/healthz` and `/readyz`."""
    return [Route("/healthz", alive), Route("/readyz", ready)]
