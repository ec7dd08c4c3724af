"""Logs: one line an event on stderr, ours and every library's alike, and no secrets in them."""

import asyncio
import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

SECRET_KEY = re.compile(
    r"authorization|cookie|token|password|passwd|secret|credential"
    r"|(?:^|_)(?:code|state|nonce|verifier|api_?key)$"
    r"|(?:database|smtp|rate_storage)_url",
    re.IGNORECASE,
)
"""Names of fields whose values never reach a log, at any depth.

`code`, `state`, `nonce` and `verifier` are those of a sign-in (RFC 6749, RFC 7636). Names that end
in `_code`, such as `status_code`, pass only if they are in `PLAIN_KEYS`.
"""

PLAIN_KEYS = frozenset({"status_code", "error_code", "refusal_code", "service_code", "role_code"})

QUIET = (
    *("httpx2", "httpcore2", "authlib", "tortoise", "asyncpg", "aiosqlite", "asyncio"),
    "uvicorn.error.sockets",
)
"""Libraries that write URLs, statements or parameters below a warning."""


LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z

_lines: TextIO | None = None
"""Where JSON lines go."""


def log_request(
    logger: structlog.stdlib.BoundLogger, *, request_id: str, **fields: str | float | None
) -> None:
    """Write a request's line: none of its fields may be secret.

    As `logger.info("request", …)` does, at a tenth of what that costs each request. A line that
    can't be written, by a full disk or a reader that has left, is lost: requests go on without it.
    """
    if _lines is None:
        logger.info("request", **fields)
        return
    line = {
        **fields,
        "event": "request",
        "request_id": request_id,
        "level": "info",
        "logger": "gateway.requests",
        "timestamp": datetime.now(UTC),
    }
    with contextlib.suppress(OSError):
        _lines.write(orjson.dumps(line, option=LINE).decode())


def configure_logs(log_format: Literal["json", "console"], *, level: int = logging.INFO) -> None:
    """Send structlog's and the standard library's logs to stderr, as JSON or for people.

    Repeating it replaces the former configuration. Fields bound with
    `structlog.contextvars.bind_contextvars`, such as `request_id`, are on every line of the task.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    global _lines  # noqa: PLW0603 - as everything that this configures, one for the process
    _lines = sys.stderr if log_format == "json" else None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_programs() if log_format == "json" else _for_people()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _for_programs() -> list[Processor]:
    # Never a frame's variables: they hold tokens and people's data.
    transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(transformer),
        redact,
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _for_people() -> list[Processor]:
    return [
        redact,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> MutableMapping[str, Any]:
    """A processor that blanks every value whose key names a secret, at any depth."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: Any) -> Any:
    if value is not None and key not in PLAIN_KEYS and SECRET_KEY.search(key):
        return REDACTED
    return _inside(value)


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_inside(inner) for inner in value]
    return value


def _json(event: Any, **_options: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def report_failure(task: asyncio.Task[Any]) -> None:
    """Say that something which runs beside the requests has ended before its time."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log = structlog.get_logger(__name__)
        log.error("background_task_failed", task=task.get_name(), exc_info=error)
