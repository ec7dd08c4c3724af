"""Paths, sign-in, invitations, cookies, origins, forwarded headers and idempotency keys."""

from random import Random

from tests import documents
from tests.hostile.settlement import PORTAL
from tests.hostile.shapes import (
    JSON,
    Hostile,
    Targets,
    as_json,
    encoded,
    hostile_text,
    mutated,
    posted,
    rendered,
    signed_in,
)

PATHS = (
    "/", "//", "/.", "/..", "/users", "/users/", "/checklist", "/me", "/audit", "/healthz",
    "/readyz", "/scim", "/scim/v2", "/scim/v2/", "/scim/v2/Users", "/scim/v2/Users/%00",
    "/scim/v2/organizations/%ff", "/scim/v2/Nowhere", "/scim/v2//Users/../Groups",
    "/metrics", "/graphql/", "/graphql/x", "/graphql%00", "/GRAPHQL", "/assets", "/assets/",
    "/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/..%5c..%5csettings.py", "/assets/%00",
    "/assets//etc/passwd", "/assets/portal/../../app.py", "/.git/config", "/.env", "/nowhere",
    "/invitations", "/invitations/", "/invitations/x/y", "/auth", "/auth/", "/auth/sign-in/",
    "/auth/callback/", "/docs", "/openapi.json", "/%ff%fe", "/%", "/%zz", "/;a=b", "/a b", "/a\tb",
)  # fmt: skip

RETURNS = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%5cevil.example",
    "https://evil.example", "https:evil.example", "http:/evil.example", "javascript:alert(1)",
    "/\t/evil.example", "/\n/evil.example", "/\r\nSet-Cookie: a=b", "\x00//evil.example", " /users",
    "/users\r\nLocation: https://evil.example", "/users#//evil", "data:text/html,x", "/%0d%0aa:b",
    "/." + "/evil.example", "@evil.example", ":80", "/users?next=//evil.example", "evil.example",
    "/%2f/evil.example", "/" + "x" * 5_000, "/é", "/\u2028", "/\ud800",
)  # fmt: skip

HOSTS = (
    "evil.example", "evil.example:80", "", "127.0.0.1:99999", "[::1]", "[::", "a b", "a@b", "\xff",
    "evil.example, 127.0.0.1", "x" * 5_000, "//evil.example", "127.0.0.1:8000#", "127.0.0.1:-1",
)  # fmt: skip

ORIGINS = (
    "null", "https://evil.example", PORTAL, PORTAL + ".evil.example", PORTAL + ":443",
    PORTAL.upper(),
    PORTAL + "/", "", "http://portal.example", "\xff", "https://portal.example\x0b", "a, b",
    "file://",
    "x" * 5_000,
)  # fmt: skip

FORWARDED = (
    ("X-Forwarded-For", "1.2.3.4, \xff"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Prefix", "//evil.example"),
    ("Forwarded", "for=evil;host=evil.example;proto=https"),
    ("X-Original-Url", "/admin"),
    ("X-Rewrite-Url", "/admin"),
    ("X-Real-Ip", "::1"),
    ("Client-Ip", "127.0.0.1"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
    ("Sec-Fetch-Site", "nonsense"),
    ("Referer", "https://evil.example/"),
)

COOKIES = (
    "session=", "session=;session=", "session", "=", ";;;;", "session=\xff", 'session="',
    "a=b;" * 800,
    "sign-in-=x", "sign-in-\xff=x", "sign-in-(a)=b", 'sign-in-"=b', "sign-in-a,b=c", "sign-in-[]=x",
    "sign-in-a@b=x", "sign-in-a b=x", "sign-in-a/b=x; sign-in-{}=y", "__Host-session=x",
    "__Secure-sign-in-x=y", "session=a.b.c", "expires=x; path=/; sign-in-path=/",
    "sign-in-expires=1",
)  # fmt: skip

KEYS = (
    "", " ", "k", "k" * 255, "k" * 256, "k" * 20_000, "\xff" * 255, "a\tb", "é" * 200, "\x7f", "0",
    '"quoted"', "a, b",
)  # fmt: skip


def paths(random: Random, targets: Targets) -> Hostile:
    """Every door, and walls beside them."""
    caller, headers = signed_in(random, targets)
    path = random.choice(PATHS)
    if random.random() < 0.3:
        path = mutated(random, path.encode()).decode("latin-1").replace("\r", "").replace("\n", "")
        path = "/" + encoded(path).replace("%2F", "/").lstrip("/")
    path = path.replace(" ", "%20").replace("\t", "%09")
    if random.random() < 0.3:
        path += "?" + encoded(hostile_text(random))
    headers.append(("Accept", random.choice(("text/html,*/*", "*/*", JSON))))
    method = random.choice(("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"))
    body = b"{}" if method in {"POST", "PUT"} else None
    return Hostile("paths", rendered(method, path, headers, body, host=targets.host), caller)


def departing(random: Random, targets: Targets) -> Hostile:
    """`/auth/sign-in` with ways back that lead elsewhere, and cookies that nobody set."""
    caller, headers = signed_in(random, targets)
    back = random.choice(RETURNS) if random.random() < 0.8 else hostile_text(random)
    text = f"return_to={encoded(back)}"
    if random.random() < 0.2:
        text += random.choice(("&return_to=/x", "&return_to", "&prompt=none", "&" * 50))
    if random.random() < 0.4:
        headers.append(("Cookie", random.choice(COOKIES)))
    method = random.choice(("GET", "GET", "GET", "HEAD", "POST"))
    data = rendered(method, f"/auth/sign-in?{text}", headers, host=targets.host)
    return Hostile("sign-in", data, caller)


def returning(random: Random, targets: Targets) -> Hostile:
    """`/auth/callback` with states of nobody, of others, and answers that no provider gives."""
    caller, headers = signed_in(random, targets)
    state, cookie = random.choice(targets.sign_ins)
    if random.random() < 0.5:
        headers.append(("Cookie", cookie if random.random() < 0.8 else cookie[: len(cookie) // 2]))
    elif random.random() < 0.5:
        headers.append(("Cookie", random.choice(COOKIES)))
    given = {"state": state, "code": "made-up"}
    for _ in range(random.randrange(3)):
        name = random.choice(
            ("state", "code", "error", "iss", "error_description", "session_state")
        )
        given[name] = random.choice((hostile_text(random), "access_denied", "http://127.0.0.1:9"))
    text = "&".join(f"{name}={encoded(value[:4_000])}" for name, value in given.items())
    if random.random() < 0.15:
        text += f"&state={encoded(state)}"
    data = rendered("GET", f"/auth/callback?{text}", headers, host=targets.host)
    return Hostile("sign-in", data, caller)


def links(random: Random, targets: Targets) -> Hostile:
    """Links of invitations that nobody sent: the page, and what it asks and does."""
    caller, headers = signed_in(random, targets)
    token = random.choice(("x" * 43, "x" * 5_000, hostile_text(random), "a/b", ".", ".."))
    if random.random() < 0.4:
        path = f"/invitations/{encoded(token[:3_000])}"
        data = rendered("GET", path, [*headers, ("Accept", "text/html")], host=targets.host)
    elif random.random() < 0.5:
        body = as_json({"query": documents.PREVIEW, "variables": {"token": token}})
        data = posted(body, host=targets.host, headers=headers)
    else:
        variables = {"input": {"token": token}}
        body = as_json({"query": documents.ACCEPT_INVITATION, "variables": variables})
        data = posted(body, host=targets.host, headers=headers)
    return Hostile("invitations", data, caller)


def origins(random: Random, targets: Targets) -> Hostile:
    """Hosts, origins, forwarded headers and cookies of all kinds, at any door."""
    caller, headers = signed_in(random, targets)
    if random.random() < 0.5:
        headers.append(("Host", random.choice(HOSTS)))
    if random.random() < 0.6:
        headers.append(("Origin", random.choice(ORIGINS)))
    if random.random() < 0.4:
        headers.append(("Cookie", random.choice(COOKIES)))
    if random.random() < 0.2:
        schemes = (
            "Bearer",
            "Bearer x",
            "Basic dTpw",
            "",
            "Bearer " + "x" * 5_000,
            "\xff",
            "Bearer \x7f",
        )
        headers.append(("Authorization", random.choice(schemes)))
    headers += random.choices(FORWARDED, k=random.randrange(4))
    random.shuffle(headers)
    kind = random.randrange(4)
    if kind == 0:
        asked = random.choice(("POST", "DELETE", "", "\xff", "POST, GET"))
        wanted = random.choice(("content-type", "*", "x" * 5_000, "cookie, x-evil", ""))
        headers += [
            ("Access-Control-Request-Method", asked),
            ("Access-Control-Request-Headers", wanted),
        ]
        data = rendered("OPTIONS", "/graphql", headers, host=targets.host)
    elif kind == 1:
        target = random.choice(("/", "/users", "/graphql", "/auth/sign-in", "/nowhere"))
        data = rendered("GET", target, [*headers, ("Accept", "text/html")], host=targets.host)
    else:
        body = as_json({"query": documents.VIEWER})
        data = posted(body, host=targets.host, headers=headers)
    # A host that breaks HTTP's own rules may be answered by closing.
    return Hostile("origins", data, caller, is_complete=False)


def keys(random: Random, targets: Targets) -> Hostile:
    """`Idempotency-Key`: none of the right length, several, one for many bodies."""
    caller, headers = signed_in(random, targets)
    shared = f"k{random.randrange(20)}"
    many = random.choice((1, 1, 1, 2, 50))
    headers += [
        ("Idempotency-Key", shared if random.random() < 0.6 else random.choice(KEYS))
        for _ in range(many)
    ]
    ours = targets.settlement.ids["Fabrikam"]
    document, variables = random.choice(
        (
            (documents.ACTIVATE, {"id": random.choice(ours)}),
            (documents.INVITE_USERS, {"input": {"userIds": [random.choice(ours)]}}),
            (documents.VIEWER, {}),
            ("mutation { signOut(scope: NOTHING) { signedOutSessions } }", {}),
        )
    )
    body = as_json({"query": document, "variables": variables})
    leaves = random.random() < 0.15
    data = posted(body, host=targets.host, headers=headers)
    return Hostile("keys", data, caller, is_complete=False, leaves=leaves)
