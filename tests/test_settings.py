"""A wrong setting stops the start with one line that names it and holds nothing of its value."""

import logging
import os
import sys
from pathlib import Path

import pytest

from gateway.commands import main
from gateway.settings import InvalidSettings, load_settings

DATABASES = ["GATEWAY_DATABASE_URL", "GATEWAY_LISTEN_DATABASE_URL", "GATEWAY_READ_DATABASE_URL"]
TIMEOUTS = [f"GATEWAY_{kind}_TIMEOUT_S" for kind in ("HEAD", "BODY", "SEND", "IDLE", "QUERY")]

ENDS = (
    "must have a host, and maybe a port from 1 to 65535; in a user or password write / as %2F, "
    "? as %3F, # as %23, @ as %40 and [ as %5B"
)
SPACE = "must have no spaces and no control characters; write them percent-encoded"
CONTROL = "must have no control characters, percent-encoded or not"
ISSUER = "must be such as https://login.example.com, without user, query and fragment; http:// "
ISSUER += "is for this machine alone"
ORIGIN = "must be an origin such as https://users.example.com"
RATE = 'must be such as "100 per minute" or "600 per 5 minutes", or "off"'
STORAGE = "must be such as valkey://user:password@host:6379/0, or begin with valkeys://, redis:// "
STORAGE += "or rediss://"
HOST = "must be names such as users.example.com"
DATABASE = "must be such as postgres://user:password@host:5432/name"
SSL_MODES = "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"
MAXIMUM = "maxsize must be a whole number from 1 to 1000"


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgres://localhost/gateway")


def refused() -> str:
    """What is said of the settings as they are."""
    with pytest.raises(InvalidSettings) as found:
        load_settings()
    return str(found.value)


@pytest.mark.parametrize("variable", DATABASES)
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgres://u:hunter2@h/n?maxsize=0", MAXIMUM),
        ("postgres://u:hunter2@h/n?maxsize=1001", MAXIMUM),
        ("postgres://u:hunter2@h/n?maxsize=many", MAXIMUM),
        ("postgres://u:hunter2@h/n?maxsize=", MAXIMUM),
        ("postgres://u:hunter2@h/n?maxsize=1_0", MAXIMUM),
        ("postgres://u:hunter2@h/n?maxsize=%D9%A3", MAXIMUM),
        ("postgres://u:hunter2@h/n?minsize=-1", "minsize must be a whole number from 0 to 1000"),
        ("postgres://u:hunter2@h/n?minsize=20", "minsize must not exceed maxsize, which is 10"),
        (
            "postgres://u:hunter2@h/n?minsize=3&maxsize=2",
            "minsize must not exceed maxsize, which is 2",
        ),
        (
            "postgres://u:hunter2@h/n?statement_cache_size=-5",
            "statement_cache_size must be a whole number from 0 to 10000",
        ),
        ("postgres://u:hunter2@h/n?sslmode=bogus", SSL_MODES),
        ("postgres://u:hunter2@h/n?sslmode=", SSL_MODES),
        ("postgres://u:hunter2@h/n?sslmode=__class__", SSL_MODES),
        ("postgres://u:hunter2@h/n?ssl=true&pool=3", "has unknown parameters: pool, ssl"),
        ("postgres://u:hunter2@h/n?maxsize=1&maxsize=2", "must have each parameter once"),
        ("postgres://u:hunter2@h:70000/n", ENDS),
        ("postgres://u:hunter2@h:0/n", ENDS),
        ("postgres://u:hunter2@h:x/n", ENDS),
        ("postgres://u:hunt/er2@h/n", ENDS),
        ("postgres://u:5?hunter2@h/n", ENDS),
        ("postgres://u:5/n?hunter2@h/n", ENDS),
        ("postgres://u:hunter2#@h/n", ENDS),
        ("postgres://u:[hunter2@h/n", ENDS),
        ("postgres://u:hunter2\N{FULLWIDTH NUMBER SIGN}@h/n", ENDS),
        ("postgres://u:hunter2@/n", ENDS),
        ("postgres://u:hunter2@h,i/n", ENDS),
        ("postgres://u:hunter2@%2Fvar%2Frun/n", ENDS),
        ("postgres://u:hunter2@h i/n", SPACE),
        ("postgres://u:hunter2@h/n\n", SPACE),
        ("postgres://u:hunter2@h", DATABASE),
        ("postgres://u:hunter2@h/", DATABASE),
        ("postgres://u:hunter2@h/n/m", DATABASE),
        ("postgres://u:hunter2@h/n#m", DATABASE),
        ("postgres:u:hunter2@h/n", "must begin with sqlite:// or postgres://"),
        ("postgres://u:hunter2%00@h/n", CONTROL),
        ("postgres://u:hunter2%FF@h/n", "must be percent-encoded as UTF-8"),
        ("u:hunter2@h/n", "must begin with sqlite:// or postgres://"),
        ("hunter2@h/n", "must begin with sqlite:// or postgres://"),
    ],
)
def test_a_database_that_can_not_be_so_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, why: str
) -> None:
    monkeypatch.setenv(variable, url)

    assert refused() == f"{variable}: {why}"


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("DATABASE_URL", "sqlite://", "sqlite:// needs the path of a file"),
        ("DATABASE_URL", "sqlite://:memory:", "sqlite:// needs the path of a file"),
        (
            "DATABASE_URL",
            "sqlite://file%00",
            CONTROL,
        ),
        ("DATABASE_URL", "sqlite://file?cache=1", "has unknown parameters: cache"),
        ("LISTEN_DATABASE_URL", "sqlite://file", "must name PostgreSQL; SQLite needs none"),
        *[
            ("OIDC_ISSUER", value, ISSUER)
            for value in [
                *(
                    "",
                    "https://",
                    "ftp://localhost",
                    "https://x/?a=b#c",
                    "https://x?a",
                    "https://x#",
                ),
                *("http://login.example.com", "https://u:hunter2@x", "login.example.com"),
                *("https://x:0", "https://x:99999", "https://ex mple", "https://x\n", "https://[x"),
                *(
                    "https://[::1]x",
                    "https://256.1.1.1",
                    "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example",
                ),
            ]
        ],
        *[
            (variable, value, ORIGIN)
            for variable in ("PUBLIC_URL", "ALLOWED_ORIGINS")
            for value in [
                *("https://", "ftp://localhost", "https://x/path", "https://x?a", "https://x#a"),
                *("https://u:hunter2@x", "https://:hunter2@x", "users.example.com"),
                *("https://x:0", "https://x:99999", "https://x:y", "https://[x", "https://1.2.3"),
                *("https://exa_mple!", "https://a..b", f"https://{'a' * 64}.example"),
            ]
        ],
        ("PUBLIC_URL", "http://exa mple", ORIGIN),
        ("PUBLIC_URL", "", ORIGIN),
        *[
            ("ALLOWED_HOSTS", value, HOST)
            for value in ("https://u:hunter2@x", "x:80", "a..b", "1.2.3", f"{'a.' * 127}example")
        ],
        (
            "TRUSTED_PROXIES",
            "10.0.0.1 u:hunter2",
            "item 2 is no address or network such as 10.0.0.0/8",
        ),
        ("WEBHOOK_NETWORKS", "10.0.0.1/8", "item 1 is no address or network such as 10.0.0.0/8"),
        *[
            ("RATE_STORAGE_URL", value, STORAGE)
            for value in [
                *("http://u:hunter2@h", "valkey://u:hunter2@h/x", "valkey://u:hunter2@h/0/1"),
                *("valkey://u:hunter2@h/-1", "valkey://u:hunter2@h?db=1", "valkey://u:hunter2@h#1"),
            ]
        ],
        *[
            ("RATE_STORAGE_URL", value, ENDS)
            for value in ("valkey://u:hunter2@h:0", "valkey://u:hunt/er2@h", "valkey://u:hunter2@")
        ],
        ("SMTP_URL", "smtp://u:hunter2@h:0", ENDS),
        ("SMTP_URL", "smtp://u:25?hunter2@h", ENDS),
        ("SMTP_URL", "smtp://u:[hunter2@h", ENDS),
        ("SMTP_URL", "smtp://u:hunter2@h h", SPACE),
        *[
            ("SIGN_IN_RATE", value, RATE)
            for value in [
                *("", "often", "0 per minute", "-1 per hour", "5 per 0 minutes", "inf per minute"),
                *("5 per minute; 3 per hour", f"{10**18} per minute", f"5 per {10**9} years"),
            ]
        ],
        *[
            (variable.removeprefix("GATEWAY_"), value, why)
            for variable in TIMEOUTS
            for value, why in [
                ("inf", "Input should be a finite number"),
                ("nan", "Input should be a finite number"),
                ("0", "Input should be greater than 0"),
                ("-1", "Input should be greater than 0"),
                ("86401", "Input should be less than or equal to 86400"),
                ("soon", "Input should be a valid number, unable to parse string as a number"),
            ]
        ],
        ("DRAIN_SECONDS", "nan", "Input should be a finite number"),
        ("DRAIN_SECONDS", "-0.1", "Input should be greater than or equal to 0"),
        ("DRAIN_SECONDS", "301", "Input should be less than or equal to 300"),
        *[
            (variable, value, "Input should be greater than or equal to 1")
            for variable in ("MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_ADDRESS", "MAX_STREAMS")
            for value in ("0", "-1")
        ],
        (
            "MAX_STREAMS",
            "1.5",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        ("INVITATION_DAYS", "31", "Input should be less than or equal to 30"),
        ("SESSION_HOURS", "721", "Input should be less than or equal to 720"),
        ("GRAPHIQL", "perhaps", "Input should be a valid boolean, unable to interpret input"),
        ("LOG_FORMAT", "xml", "Input should be 'json' or 'console'"),
        ("SECRET_KEY", "hunter2", "must have 32 bytes or more"),
        ("METRICS_TOKEN", "hunter2", "must have 16 characters or more"),
    ],
)
def test_a_value_that_can_not_be(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{variable}", value)

    assert refused() == f"GATEWAY_{variable}: {why}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "sqlite:///var/lib/my gateway@home/gateway%3F.sqlite3"),
        ("DATABASE_URL", "postgresql://h.svc.cluster.local.:5432/n%2Fm?maxsize=1&minsize=0"),
        ("DATABASE_URL", "postgres://gateway_1/n?sslmode=verify-full&statement_cache_size=0"),
        ("DATABASE_URL", "postgres://u%40:p%2F%5B@[::1]:5432/n?minsize=10&maxsize=10"),
        ("OIDC_ISSUER", "https://login.microsoftonline.com/common/v2.0"),
        ("OIDC_ISSUER", "http://localhost:8001/"),
        ("OIDC_ISSUER", "http://[::1]:8001"),
        ("PUBLIC_URL", "HTTPS://Users.Example.com:443/"),
        ("ALLOWED_ORIGINS", "http://10.0.0.1:3000, https://xn--bcher-kva.example"),
        ("RATE_STORAGE_URL", "rediss://:p%2F@h:6379/15"),
        ("RATE_STORAGE_URL", "valkey://h/"),
        ("SMTP_URL", "smtp://user:p%40@mail.example:587?starttls=true"),
        ("SIGN_IN_RATE", "600/5minutes"),
        ("SIGN_IN_RATE", "Off"),
        ("QUERY_TIMEOUT_S", "86400"),
        ("WEBHOOK_NETWORKS", "10.1.0.0/16, fd00::/8"),
    ],
)
def test_a_value_that_can_be(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(f"GATEWAY_{variable}", value)
    settings = load_settings()

    assert variable.lower() in settings.model_fields_set


def test_each_wrong_setting_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_OIDC_ISSUER", "https://")
    monkeypatch.setenv("GATEWAY_ALLOWED_ORIGINS", "http://a b http://c/d")
    monkeypatch.setenv("GATEWAY_LOG_FORMAT", "xml")
    lines = refused().splitlines()

    assert [line.partition(": ")[0] for line in lines] == [
        "GATEWAY_OIDC_ISSUER",
        "GATEWAY_ALLOWED_ORIGINS",
        "GATEWAY_LOG_FORMAT",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"GATEWAY_SECRET_KEY=\xff\xfehunter2", ".env: must be text in UTF-8"),
        ("GATEWAY_MAX_STREAMS=5".encode("utf-16"), ".env: must be text in UTF-8"),
        (None, ".env: must be a file, and is a folder"),
        (
            b"GATEWAY_MAX_STREAMS=0",
            "GATEWAY_MAX_STREAMS: Input should be greater than or equal to 1",
        ),
    ],
)
def test_a_file_that_can_not_be_read(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / ".env"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)

    assert refused() == why


def test_a_file_that_leads_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(".env")

    assert refused() == ".env: Too many levels of symbolic links"


def test_a_file_as_windows_writes_it_is_read_from_its_first_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("GATEWAY_MAX_STREAMS=5\r\n".encode("utf-8-sig"))

    assert load_settings().max_streams == 5


def test_no_file_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / ".env").symlink_to(os.devnull)

    assert load_settings().max_streams == 2000
    assert caplog.messages == []


@pytest.mark.parametrize(
    "command",
    [
        *("serve", "serve --no-mail", "worker", "check", "migrate", "migrate --check"),
        *("catalog apply", "catalog show", "audit verify"),
        *("documents apply x", "documents show", "documents check", "documents remove x"),
    ],
)
def test_every_command_that_reads_settings_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgres://u:hunter2@h/n?maxsize=0")
    monkeypatch.setattr(sys, "argv", ["gateway", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    assert capsys.readouterr() == ("", f"gateway: GATEWAY_DATABASE_URL: {MAXIMUM}\n")
