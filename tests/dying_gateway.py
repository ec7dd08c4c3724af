"""A gateway whose process kills itself at a moment that a request names, for tests of crashes.

`uvicorn --factory tests.dying_gateway:create` serves it. The header `x-die` says when: `answering`
is just before the first byte of the answer, a number is so many milliseconds after the request.
"""

import os
import signal
import threading

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.app import create_app
from gateway.settings import load_settings


def die() -> None:
    """As with `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def create() -> ASGIApp:
    """The application."""
    app = create_app(load_settings(), delivers_mail=False)

    async def dying(scope: Scope, receive: Receive, send: Send) -> None:
        moment = Headers(scope=scope).get("x-die") if scope["type"] == "http" else None

        async def send_or_die(message: Message) -> None:
            if moment == "answering":
                die()
            await send(message)

        if moment and moment != "answering":
            threading.Timer(float(moment) / 1000, die).start()
        await app(scope, receive, send_or_die)

    return dying
