import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.logs import REDACTED, configure_logs


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_of_a_request_carries_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("gateway.app").info("request", status_code=200)
    logging.getLogger("uvicorn.error").warning("odd %s", "thing")
    ours, theirs = lines(capsys)

    assert ours | {"timestamp": ""} == {
        "event": "request",
        "level": "info",
        "logger": "gateway.app",
        "request_id": "r-1",
        "status_code": 200,
        "timestamp": "",
    }
    assert (theirs["event"], theirs["logger"]) == ("odd thing", "uvicorn.error")
    assert theirs["request_id"] == "r-1"


def test_no_secret_reaches_a_log_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.get_logger().info(
        "sign-in",
        code="s3cret",
        state="s3cret",
        smtp_url="s3cret",
        headers={"Authorization": "s3cret", "Cookie": ["s3cret"], "Accept": "text/html"},
        queries=[{"id_token": "s3cret", "page": 2}],
    )
    logging.getLogger("library").warning("words", extra={"client_secret": "s3cret"})
    sign_in, words = lines(capsys)

    assert sign_in["headers"] == {
        "Authorization": REDACTED,
        "Cookie": REDACTED,
        "Accept": "text/html",
    }
    assert sign_in["queries"] == [{"id_token": REDACTED, "page": 2}]
    assert "s3cret" not in json.dumps([sign_in, words])


def test_an_exception_is_one_field_without_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    _failing("s3cret")
    [line] = lines(capsys)

    assert isinstance(line["exception"], list)
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "s3cret" not in json.dumps(line)


def _failing(_password: str) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("failed")


def test_the_demo_writes_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("console")
    structlog.get_logger("gateway.demo").info("ready", port=8000, token="s3cret")
    written = capsys.readouterr().err

    assert "ready" in written
    assert "port=8000" in written
    assert "s3cret" not in written
