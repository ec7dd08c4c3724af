"""Bytes that are no HTTP request: answered like all else, though no application sees them."""

from http import HTTPStatus

import orjson
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.answers import error_of
from gateway.requests import HEADERS
from models.rows import new_id

log = structlog.get_logger(__name__)

STATE_KEY = "answer_headers"
"""Where the application's lifespan leaves the headers of every answer for the server."""

MALFORMED = "This is no well-formed HTTP request."


class StrictConnection(HttpToolsProtocol):
    """A client's connection, on which every answer has the headers that all of ours have."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser can't read, and hang up (RFC 9112 section 2.2)."""
        log.info("not_http", problem=msg)
        self.refuse(HTTPStatus.BAD_REQUEST, MALFORMED)

    def refuse(
        self, status: HTTPStatus, message: str, *, code: str = "BAD_REQUEST", **more: str
    ) -> None:
        """Give a whole answer, and hang up; `more` are further headers."""
        headers = self.app_state.get(STATE_KEY, HEADERS)
        self.transport.write(_refusal(status, message, code=code, **headers, **more))
        self.transport.close()


def _refusal(status: HTTPStatus, message: str, *, code: str, **headers: str) -> bytes:
    request_id = str(new_id())
    body = orjson.dumps({"errors": [error_of(message, code)]})
    all_headers = {
        **headers,
        "connection": "close",
        "content-length": str(len(body)),
        "content-type": "application/json",
        "x-request-id": request_id,
    }
    lines = [f"{name}: {value}\r\n".encode() for name, value in all_headers.items()]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
