"""Malformed and costly GraphQL documents, and operations with hostile values."""

from random import Random
from typing import Any

from schema.nodes import split_id
from tests import documents
from tests.hostile.shapes import (
    GRAPHQL_RESPONSE,
    JSON,
    NUMBERS,
    Headers,
    Hostile,
    Targets,
    as_json,
    hostile_text,
    hostile_value,
    mutated,
    posted,
    signed_in,
)

ODD_DOCUMENTS = (
    "{", "}", "{}", "query", "{ __typename", "{ __typename } }", "{ ... }", "{ ...F }", "...",
    "{ a: }", "{ __typename @skip }", "{ __typename @skip(if: $a) }", "{ __typename @nothing }",
    "query ($a: Nothing!) { __typename }", "query ($a: Int = $a) { __typename }",
    "query ($a: [[[[Int]]]]) { __typename }", "subscription { __typename }",
    "mutation { __typename }",
    "{ ...F } fragment F on Query { ...F }",
    "fragment F on Nothing { a } { ...F }", "type A { a: Int }",
    "query A { __typename } query A { __typename }", "query A { __typename } query B { viewer }",
    "schema { query: Query }", "extend type Query { a: Int }", "{ viewer { ...on Viewer { } } }",
    '{ node(id: "\\ud800") { id } }', '{ node(id: "\\u{110000}") { id } }',
    '{ node(id: """\0""") { id } }',
    '{ node(id: "\\u0000") { id } }',
    "{ users(organizationId: 1, first: 99999999999999999999) { totalCount } }",
    "{ users(organizationId: -0, first: -1) { nodes { id } } }", "{ node(id: 1e5) { id } }",
    '{ nodes(ids: ["", "a", 1, "VXNlcjo="]) { id } }', "{ node(id: {}) { id } }",
    "\ufeff{ __typename }",
    '{ __type(name: "\\u202e") { name } }', "{ __schema { types { fields { type { name } } } } }",
    "{ __typename @include(if: true) @include(if: true) }", "# " + "x" * 20_000, "," * 20_000,
    "{ a" * 500, "(" * 5_000, '"' * 3_000, '{ node(id: "' + "\\\\" * 3_000 + '") { id } }',
    "query (" + " ".join(f"$v{n}: Int" for n in range(300)) + ") { __typename }",
)  # fmt: skip


def _fragments(random: Random) -> str:
    depth, width = random.choice((3, 20, 60)), random.choice((1, 2, 3))
    parts = [
        f"fragment F{number} on Query {{ {f'...F{number + 1} ' * width} }}"
        for number in range(depth)
    ]
    return f"{{ ...F0 }} {' '.join(parts)} fragment F{depth} on Query {{ __typename }}"


def _aliases(random: Random) -> str:
    return (
        "{ " + " ".join(f"a{n}: __typename" for n in range(random.choice((50, 200, 5_000)))) + " }"
    )


def _depth(random: Random) -> str:
    depth = random.choice((5, 25, 400, 5_000))
    text = (
        "{ viewer { profiles { organization { users { nodes "
        + "{ organization { users { nodes " * depth
    )
    return text + "{ id } }" + " } }" * (3 * depth)


def _types(random: Random) -> str:
    depth = random.choice((3, 10, 100))
    return (
        "{ __schema { types "
        + "{ fields { type { ofType " * depth
        + "{ name }"
        + " } } }" * depth
        + "}}"
    )


def _overlaps(random: Random) -> str:
    number = random.choice((50, 400))
    return "{ " + " ".join("viewer { account: microsoftAccount }" for _ in range(number)) + " }"


def _operations(random: Random) -> str:
    return " ".join(f"query Q{n} {{ __typename }}" for n in range(random.choice((2, 30, 2_000))))


def _directives(random: Random) -> str:
    return "{ __typename " + "@include(if: true) " * random.choice((5, 100, 3_000)) + "}"


def _lists(random: Random) -> str:
    depth = random.choice((10, 60, 3_000))
    return "{ nodes(ids: " + "[" * depth + "]" * depth + ") { id } }"


def _variables(random: Random) -> str:
    number = random.choice((2, 50, 1_000))
    return (
        "query (" + " ".join(f"$v{n}: [Int!]! = [{n}]" for n in range(number)) + ") { __typename }"
    )


COSTLY = (
    _fragments, _aliases, _depth, _types, _overlaps, _operations, _directives, _lists, _variables
)  # fmt: skip

KNOWN = (
    documents.USER, documents.USERS, documents.ORGANIZATION, documents.AUDIT, documents.VIEWER,
    documents.CATALOGUE, documents.PREVIEW, documents.CREATE_USER, documents.EDIT_USER,
)  # fmt: skip


def texts(random: Random, targets: Targets) -> Hostile:
    """Documents that are none, or cost too much, or are good ones with something changed."""
    caller, headers = signed_in(random, targets)
    kind = random.random()
    if kind < 0.3:
        document = random.choice(ODD_DOCUMENTS)
    elif kind < 0.55:
        document = random.choice(COSTLY)(random)
    else:
        known = random.choice(KNOWN).encode()
        document = mutated(random, known).decode("utf-8", "surrogateescape")
    body: dict[str, Any] = {"query": document}
    if random.random() < 0.3:
        body["extensions"] = {"cost": random.choice((True, 1, "true"))}
    if random.random() < 0.5:
        body["variables"] = {"id": random.choice(targets.settlement.ids["Fabrikam"])}
    accept = random.choice((JSON, GRAPHQL_RESPONSE))
    data = posted(as_json(body), host=targets.host, headers=headers, accept=accept)
    return Hostile("documents", data, caller)


FORM: dict[str, Any] = {
    "firstName": "Dora",
    "lastName": "Diaz",
    "microsoftAccount": "dora@live.example",
    "primaryEmailAddress": "dora@contoso.example",
    "roles": {"set": ["{Role}"]},
}

WEBHOOK = """
mutation ($input: CreateWebhookInput!) {
  createWebhook(input: $input) { webhook { id url } userErrors { code path } }
}
"""

OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    (documents.USER, {"id": "{User}"}),
    (
        documents.USERS,
        {
            "organization": "{Organization}",
            "filter": {"search": "a", "status": ["ASSOCIATED"], "roleIds": ["{Role}"]},
            "orderBy": {"field": "LAST_NAME", "direction": "ASC"},
            "first": 5,
            "after": "x",
        },
    ),
    (documents.USERS, {"organization": "{Organization}", "last": 5, "before": "x"}),
    (documents.ORGANIZATION, {"id": "{Organization}"}),
    (
        documents.AUDIT,
        {
            "id": "{Organization}",
            "filter": {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
        },
    ),
    (documents.PREVIEW, {"token": "x"}),
    (documents.CREATE_USER, {"input": {"organizationId": "{Organization}", **FORM}}),
    (
        documents.EDIT_USER,
        {
            "input": {
                "id": "{User}",
                "version": 1,
                "firstName": "Mallory",
                "primaryEmailAddress": "m@fabrikam.example",
                "roles": {"add": ["{Role}"], "removeAll": ["{Service}"]},
            }
        },
    ),
    (documents.REMOVE_USERS, {"input": {"users": [{"id": "{User}", "version": 1}]}}),
    (documents.INVITE_USERS, {"input": {"userIds": ["{User}"]}}),
    (documents.REVOKE_INVITATIONS, {"input": {"invitationIds": ["{Invitation}"]}}),
    (documents.ACCEPT_INVITATION, {"input": {"token": "x"}}),
    (documents.SIGN_UP, {"input": {"serviceId": "{Service}", "organizationId": "{Organization}"}}),
    (
        documents.SIGN_UP,
        {"input": {"serviceId": "{Service}", "newOrganization": documents.CONTOSO}},
    ),
    (documents.ACTIVATE, {"id": "{ServiceSubscription}"}),
    (
        WEBHOOK,
        {
            "input": {
                "organizationId": "{Organization}",
                "url": "https://hooks.example/a",
                "actions": [],
            }
        },
    ),
    (
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        {"ids": ["{User}", "{Role}", "{Organization}"]},
    ),
)


def values(random: Random, targets: Targets) -> Hostile:
    """Good operations, of which some value is hostile: a text, a number, an id, another shape."""
    caller = random.choice(("outsider", "outsider", "outsider", "member", "anonymous", "ended"))
    cookies = targets.settlement.cookies.get(caller, [])
    headers: Headers = [("Cookie", f"session={random.choice(cookies)}")] if cookies else []
    document, variables = random.choice(OPERATIONS)
    hostility = random.choice((0.0, 0.05, 0.2, 0.5))
    given = {
        name: _filled(random, value, targets, hostility=hostility)
        for name, value in variables.items()
    }
    body = {"query": document, "variables": given}
    return Hostile("values", posted(as_json(body), host=targets.host, headers=headers), caller)


def _filled(random: Random, value: Any, targets: Targets, *, hostility: float) -> Any:
    """Names as ids, and now and then something else in a value's place."""
    is_hostile = random.random() < hostility
    if isinstance(value, dict):
        found = {
            key: _filled(random, each, targets, hostility=hostility) for key, each in value.items()
        }
        if is_hostile and random.random() < 0.2:
            found[hostile_text(random)[:50]] = hostile_value(random)
        return hostile_value(random) if is_hostile and random.random() < 0.1 else found
    if isinstance(value, list):
        many = value * random.choice((1, 1, 1, 3, 150))
        return [_filled(random, each, targets, hostility=hostility) for each in many]
    if is_hostile:
        return _instead(random, value)
    if not isinstance(value, str):
        return value
    if value[:1] == "{":
        return _id(random, targets, value.strip("{}"))
    return f"{random.randrange(10**6)}.{value}" if "@" in value else value


def _id(random: Random, targets: Targets, kind: str) -> str:
    """The attacker's own or everybody's, mostly of the right kind, now and then spoilt."""
    groups = targets.settlement.ids
    whose = random.choice(("Fabrikam", "Fabrikam", "Contoso"))
    ids = [id_ for id_ in groups[whose] + groups["everybody"] if split_id(id_)[0] == kind]
    if not ids or random.random() < 0.1:
        ids = groups[whose]
    id_ = random.choice(ids)
    if random.random() < 0.1:
        return mutated(random, id_.encode()).decode("utf-8", "replace")
    return id_


def _instead(random: Random, value: Any) -> Any:
    """A hostile value; of the same kind, mostly, so that it comes further."""
    kind = random.random()
    if kind < 0.1:
        return hostile_value(random)
    if isinstance(value, int):
        return random.choice(NUMBERS)
    text = hostile_text(random)
    # A lone surrogate is no JSON: it would be the end of it.
    text = text if kind < 0.2 else text.encode("utf-8", "replace").decode()
    return f"{text}@evil.example" if "@" in value and kind < 0.6 else text
