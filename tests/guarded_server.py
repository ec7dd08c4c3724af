"""Any application behind the gateway's own connections, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.connection_limits import STATE_KEY, ConnectionLimits
from gateway.connections import GuardedConnection
from gateway.settings import Settings
from tests.postgres import free_port


@asynccontextmanager
async def guarded(app: ASGIApp, settings: Settings) -> AsyncIterator[int]:
    """The port where the application answers; its own lifespan is not run."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        scope["state"][STATE_KEY] = ConnectionLimits.of(settings)
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})

    application: ASGIApp = limited
    port = free_port()
    config = uvicorn.Config(
        application, port=port, http=GuardedConnection, loop="none", log_config=None
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())  # noqa: SLF001 - signals are pytest's business
    while not server.started:  # noqa: ASYNC110 - uvicorn gives no event for it
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await running
