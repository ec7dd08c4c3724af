"""Malformed HTTP: request lines, header fields, framing, connections."""

from random import Random

from tests.hostile.shapes import (
    JSON,
    Hostile,
    Targets,
    hostile_text,
    mutated,
    posted,
    rendered,
    signed_in,
)

HELLO = b'{"query": "{ __typename }"}'

METHODS = (
    "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY",
    "PROPFIND", "PRI", "M-SEARCH", "get", "GETT", "", "G\x00T", "GET\t", "POST POST", "é",
)  # fmt: skip

VERSIONS = ("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.11", "HTTP/9", "http/1.1", "")

NOISE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"EHLO evil.example\r\nMAIL FROM:<a@b>\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    b"\r\n\r\n\r\n\r\n",
    b"\n" * 100,
    b"GET /healthz\r\n\r\n",
    b"GET  /healthz  HTTP/1.1\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    b"\xff\xfe\xfd" * 300,
)

UPGRADES = ("websocket", "h2c", "TLS/1.0", "WebSocket, h2c", "foo", "")

FIELDS: tuple[tuple[bytes, bytes], ...] = (
    (b"Content-Length", b"-1"),
    (b"Content-Length", b"+5"),
    (b"Content-Length", b"5, 5"),
    (b"Content-Length", b"0x10"),
    (b"Content-Length", b"99999999999999999999999"),
    (b"Content-Length", b"\xb2"),
    (b"Content-Length", b""),
    (b"Content-Length ", b"5"),
    (b"Transfer-Encoding", b"chunked, chunked"),
    (b"Transfer-Encoding", b"xchunked"),
    (b"Transfer-Encoding", b"identity"),
    (b"Transfer-Encoding", b"gzip, chunked"),
    (b"Transfer-Encoding", b"\x0bchunked"),
    (b"Expect", b"100-continue"),
    (b"Expect", b"999-nothing"),
    (b"Content-Encoding", b"gzip"),
    (b"Content-Encoding", b"br, deflate"),
    (b"Accept-Encoding", b"gzip;q=nan, \xff"),
    (b"Range", b"bytes=0-0,1-1,-9999999999"),
    (b"Range", b"bytes=" + b"0-," * 500),
    (b"If-Modified-Since", b"\xff\xff"),
    (b"If-None-Match", b'"' * 999),
    (b"If-Range", b"nonsense"),
    (b"Connection", b"upgrade, \x00"),
    (b"X-Http-Method-Override", b"DELETE"),
    (b"X-Request-Id", b"theirs\x0b"),
    (b"X Y", b"space in the name"),
    (b"", b"no name"),
    (b"X-Nul", b"a\x00b"),
    (b"X-Folded", b"a\r\n b"),
    (b"X-Bare", b"a\nb"),
    (b"X-Return", b"a\rb"),
    (b"X-High", bytes(range(128, 256))),
    (b":authority", b"evil.example"),
    (b"X-" + b"n" * 2_000, b"long name"),
)


def lines(random: Random, targets: Targets) -> Hostile:
    """A request line that is none, or noise of another protocol."""
    if random.random() < 0.3:
        noise = random.choice(NOISE)
        data = mutated(random, noise) if random.random() < 0.5 else noise
        return Hostile("heads", data + b"\r\n\r\n", is_complete=False)
    method = random.choice(METHODS)
    target = random.choice(
        (
            "/",
            "/graphql",
            "/healthz",
            "",
            "*",
            "//evil.example/",
            "?",
            "#",
            "/%",
            "/\x00",
            "\\",
            "/é",
        )
    )
    head = f"{method} {target} {random.choice(VERSIONS)}\r\nHost: {targets.host}\r\n"
    head += random.choice(("Connection: close\r\n\r\n", "\r\n", "", "\r\n" * 9))
    return Hostile("heads", head.encode(), is_complete=False)


def fields(random: Random, targets: Targets) -> Hostile:
    """Header fields that are none, contradict each other, or are many."""
    caller, headers = signed_in(random, targets)
    found = [*headers, *random.choices(FIELDS, k=random.choice((1, 1, 2, 6)))]
    if random.random() < 0.1:
        found += [(f"X-{number}", "v") for number in range(random.choice((100, 1_000)))]
    if random.random() < 0.1:
        found.append(("X-Long", "v" * random.choice((8_000, 60_000))))
    random.shuffle(found)
    if random.random() < 0.5:
        data = posted(HELLO, host=targets.host, headers=found)
    else:
        target = random.choice(
            ("/", "/graphql?query={__typename}", "/healthz", "/assets/pages.css")
        )
        data = rendered("GET", target, found, host=targets.host)
    return Hostile("heads", data, caller, is_complete=False)


def spoilt(random: Random, targets: Targets) -> Hostile:
    """A good request with bytes changed anywhere."""
    caller, headers = signed_in(random, targets)
    data = mutated(random, posted(HELLO, host=targets.host, headers=headers))
    return Hostile("heads", data, caller, is_complete=False, pieces=random.choice((1, 1, 3)))


SIZES = (
    b"0", b"1", b"1b", b"00000000001b", b"ffffffff", b"ffffffffffffffff", b"fffffffffffffffff",
    b"-1", b"0x1b", b"1b;ext=1", b'1b;ext="' + b"x" * 5_000 + b'"', b"1b ", b" 1b", b"", b"g",
    b"1_b",
)  # fmt: skip

ENDS = (b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n", b"0\r\nContent-Length: 5\r\n\r\n", b"0\n\n",
        b"",
        b"0\r\nX: " + b"y" * 9_000 + b"\r\n\r\n")  # fmt: skip


def chunks(random: Random, targets: Targets) -> Hostile:
    """A body in chunks, of which something is wrong."""
    caller, headers = signed_in(random, targets)
    body = b"%s\r\n%s\r\n%s" % (random.choice(SIZES), HELLO, random.choice(ENDS))
    if random.random() < 0.3:
        body = b"".join(b"1\r\n%c\r\n" % byte for byte in HELLO) + random.choice(ENDS)
    if random.random() < 0.3:
        headers.append(("Content-Length", str(random.choice((0, 5, len(HELLO), 10**9)))))
    headers.append(("Transfer-Encoding", random.choice(("chunked", "Chunked", "chunked "))))
    data = posted(body, host=targets.host, headers=headers)
    return Hostile("chunks", data, caller, is_complete=False, pieces=random.choice((1, 2, 5)))


def lengths(random: Random, targets: Targets) -> Hostile:
    """A length that is not the body's; the client waits, or leaves."""
    caller, headers = signed_in(random, targets)
    length = random.choice((0, 1, len(HELLO) - 1, len(HELLO) + 1, 2_000_000, 2**31, 2**63))
    data = posted(HELLO, host=targets.host, headers=[*headers, ("Content-Length", str(length))])
    return Hostile("chunks", data, caller, is_complete=False, leaves=random.random() < 0.5)


def upgrades(random: Random, targets: Targets) -> Hostile:
    """To another protocol, half of them well-formed as far as it goes."""
    caller, headers = signed_in(random, targets)
    found = [
        *headers,
        ("Upgrade", random.choice(UPGRADES)),
        ("Connection", random.choice(("Upgrade", "keep-alive, Upgrade", "close"))),
        ("Sec-WebSocket-Version", random.choice(("13", "8", "-1", ""))),
        ("Sec-WebSocket-Key", random.choice(("dGhlIHNhbXBsZSBub25jZQ==", "", "x" * 500))),
        ("Sec-WebSocket-Protocol", random.choice(("graphql-transport-ws", "graphql-ws", "\x7f"))),
    ]
    target = random.choice(("/graphql", "/", "/nowhere"))
    data = rendered(random.choice(("GET", "POST")), target, found, host=targets.host)
    if random.random() < 0.3:
        data += bytes(random.randrange(256) for _ in range(50))
    return Hostile("upgrades", data, caller, is_complete=False)


def pipelines(random: Random, targets: Targets) -> Hostile:
    """Several requests at once on one connection, the last of them spoilt."""
    one = (
        f"POST /graphql HTTP/1.1\r\nHost: {targets.host}\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {len(HELLO)}\r\n\r\n"
    ).encode() + HELLO
    last = mutated(random, posted(HELLO, host=targets.host))
    return Hostile("heads", one * random.choice((1, 2, 20)) + last, is_complete=False)


def departures(random: Random, targets: Targets) -> Hostile:
    """The client leaves in the middle, or before the answer."""
    caller, headers = signed_in(random, targets)
    name = hostile_text(random).encode("utf-8", "replace").hex()[:60]
    body = b'{"query": "{ services { roles { name code } } } # %s"}' % name.encode()
    data = posted(body, host=targets.host, headers=headers)
    return Hostile(
        "departures",
        data[: random.randrange(1, len(data) + 1)],
        caller,
        is_complete=False,
        leaves=True,
    )
