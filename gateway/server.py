"""Serving over HTTP with uvicorn."""

import gc
import math
import os
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.connection_limits import raise_open_files_limit
from gateway.database import is_sqlite
from gateway.graphql_requests import MAX_MESSAGE_BYTES
from gateway.logs import configure_logs
from gateway.metrics import FOLDER_VARIABLE
from gateway.observers import problem_with_traces
from gateway.protocols import Connections, Sockets
from gateway.settings import (
    MAIL_SETTINGS,
    SIGN_IN_SETTINGS,
    InvalidSettings,
    Settings,
    load_settings,
)

log = structlog.get_logger(__name__)

GARBAGE_THRESHOLDS = (10_000, 3, 1)
"""Objects made, and not yet gone, before Python looks for cycles among them: a few megabytes. And
how many such looks go by before it looks among older ones: with Python's own 10 and 10, what a
thousand streams leave behind added up to a hundred megabytes."""

GRACEFUL_SHUTDOWN_S = 35
"""How long requests may take to end after SIGTERM, at least: longer than any statement may."""


def with_mail() -> ASGIApp:
    """The gateway, which delivers too: what `gateway serve` runs in each process."""
    settings = load_settings()
    configure_logs(settings.log_format)
    missing = settings.missing(*MAIL_SETTINGS)
    if missing:
        log.warning("mail_waits", reason=f"{', '.join(missing)}: not set, so mail is not delivered")
    return _settled(create_app(settings, delivers_mail=not missing, tells_webhooks=True))


def without_mail() -> ASGIApp:
    """The gateway alone: what `gateway serve --no-mail` runs in each process."""
    settings = load_settings()
    configure_logs(settings.log_format)
    return _settled(create_app(settings, delivers_mail=False))


def _settled(app: ASGIApp) -> ASGIApp:
    """The application, what it is made of set apart from what requests leave behind.

    Otherwise a twelfth of a request's time goes into looking through the same objects for garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    return app


def serve(settings: Settings, *, host: str, port: int, workers: int, delivers_mail: bool) -> None:
    """Serve until SIGTERM or SIGINT; requests under way may end first.

    Every process makes its application by `with_mail` or `without_mail`, from the same environment
    as this one, so nothing needs to be handed over.

    Raises:
        InvalidSettings: One is missing, or forbids several processes.
    """
    refuse_unfit_settings(settings, workers=workers, delivers_mail=delivers_mail)
    raise_open_files_limit()
    with ExitStack() as stack:
        if settings.metrics_token is not None and workers > 1:
            folder = stack.enter_context(TemporaryDirectory(prefix="gateway-metrics-"))
            os.environ[FOLDER_VARIABLE] = folder  # the workers are new processes and inherit it
        factory = with_mail if delivers_mail else without_mail
        uvicorn.run(
            f"{factory.__module__}:{factory.__name__}",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            **UVICORN_OPTIONS | {"timeout_graceful_shutdown": graceful_shutdown_s(settings)},
        )


def graceful_shutdown_s(settings: Settings) -> int:
    """How long requests may take to end after SIGTERM: any query, and a change's statement."""
    return max(GRACEFUL_SHUTDOWN_S, math.ceil(settings.query_timeout_s) + 5)


UVICORN_OPTIONS: dict[str, Any] = {
    "loop": "uvloop",
    "http": Connections,
    "ws": Sockets,
    "ws_max_size": MAX_MESSAGE_BYTES,
    "ws_per_message_deflate": False,  # messages are small, and each connection would hold buffers
    "lifespan": "on",
    "log_config": None,  # uvicorn's logs go the way of all others
    "access_log": False,  # the application logs each request, without its query
    "proxy_headers": False,  # links come from GATEWAY_PUBLIC_URL, never from a header
    "server_header": False,
    "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN_S,
}
"""How the gateway is served, here and in the demo."""


def refuse_unfit_settings(settings: Settings, *, workers: int, delivers_mail: bool) -> None:
    """Name everything that keeps the gateway from being served.

    Raises:
        InvalidSettings: A line for each.
    """
    problems = [
        f"{name}: is needed to sign people in" for name in settings.missing(*SIGN_IN_SETTINGS)
    ]
    missing = settings.missing(*MAIL_SETTINGS)
    if delivers_mail and 0 < len(missing) < len(MAIL_SETTINGS):
        problems += [
            f"{name}: is needed for mail, as its other setting is there" for name in missing
        ]
    if workers > 1 and is_sqlite(settings.database_url.get_secret_value()):
        problems.append(
            f"GATEWAY_DATABASE_URL: --workers {workers} needs PostgreSQL, SQLite is for one process"
        )
    if settings.traces and (problem := problem_with_traces()) is not None:
        problems.append(problem)
    if problems:
        raise InvalidSettings("\n".join(problems))


def require_mail_settings(settings: Settings) -> None:
    """Name everything that keeps mail from being delivered.

    Raises:
        InvalidSettings: A line for each.
    """
    missing = settings.missing(*MAIL_SETTINGS)
    if missing:
        raise InvalidSettings("\n".join(f"{name}: is needed for mail" for name in missing))
