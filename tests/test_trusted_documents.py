"""Trusted documents and automatic persisted queries, on both engines."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.answers import GRAPHQL_RESPONSE
from gateway.app import create_app
from gateway.manifests import PORTAL_MANIFEST, ManifestCheck, graphiql_documents, shipped_documents
from gateway.settings import Settings
from gateway.trusted import AutomaticQueries
from models.documents import DocumentsVersion
from resolvers.trusted_documents import (
    DeclaredDocument,
    DocumentsRefused,
    apply_documents,
    current_documents,
    remove_documents,
)
from tests.people import Clock, Gateway, Person

SERVICES = "query Services { services { code } }"
SERVICES_HASH = hashlib.sha256(SERVICES.encode()).hexdigest()
WHO = "query Who { viewer { microsoftAccount } }"
WHO_HASH = hashlib.sha256(WHO.encode()).hexdigest()
SIGN_OUT = "mutation Leave { signOut { signedOutSessions } }"

OUR_ORIGIN = "http://127.0.0.1:8000"
OWN_PAGE = {"origin": OUR_ORIGIN}


def persisted(hash_: str, version: object = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": hash_}}


async def send(
    client: httpx2.AsyncClient, body: dict[str, Any], *, by: Person | None = None, **headers: str
) -> tuple[int, Any]:
    """The status of the newer media type, and the data or the first error's code."""
    own = {"accept": GRAPHQL_RESPONSE, **headers}
    if by and by.cookie:
        own["cookie"] = f"session={by.cookie}"
    response = await client.post("/graphql", json=body, headers=own)
    return outcome(response)


def outcome(response: httpx2.Response) -> tuple[int, Any]:
    body = response.json()
    if body.get("errors"):
        (error,) = body["errors"]
        return response.status_code, error["extensions"]["code"]
    return response.status_code, list(body["data"])


@pytest.fixture
async def trusting(
    gateway: Gateway, oidc_settings: dict[str, str], clock: Clock
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a replica, on the same database, where only trusted documents run."""
    settings = Settings.model_validate(
        {"database_url": gateway.database_url, "trusted_documents_only": True, **oidc_settings}
    )
    transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=clock))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        yield client


async def trust(clock: Clock, **texts: str) -> list[str]:
    declared = [DeclaredDocument(id_, text) for id_, text in texts.items()]
    return await apply_documents(declared, now=clock())


async def test_a_trusted_document_runs_by_its_id_and_by_its_hash(
    gateway: Gateway, clock: Clock
) -> None:
    await trust(clock, services=SERVICES)
    ids = ("services", f"sha256:{SERVICES_HASH}")
    posted = [await send(gateway.client, {"documentId": id_}) for id_ in ids]
    got = [outcome(await gateway.client.get("/graphql", params={"documentId": id_})) for id_ in ids]

    assert posted == got == [(200, ["services"])] * 2


async def test_apollo_names_a_document_of_its_manifest_by_its_hash(
    gateway: Gateway, trusting: httpx2.AsyncClient, clock: Clock
) -> None:
    await trust(clock, **{SERVICES_HASH: SERVICES})
    body = {"extensions": persisted(SERVICES_HASH), "operationName": "Services"}

    assert await send(gateway.client, body) == (200, ["services"])
    assert await send(trusting, body) == (200, ["services"])


async def test_an_unknown_id_is_refused_and_noticed_once_it_is_known(
    gateway: Gateway, clock: Clock
) -> None:
    body = {"documentId": "services"}
    before = await send(gateway.client, body)
    in_plain_json = await gateway.client.post("/graphql", json=body)
    await trust(clock, services=SERVICES)
    after = await send(gateway.client, body)

    assert before == (400, "PERSISTED_DOCUMENT_NOT_FOUND")
    assert (in_plain_json.status_code, in_plain_json.json()) == (
        200,
        {
            "errors": [
                {
                    "message": "No document has this documentId.",
                    "extensions": {"code": "PERSISTED_DOCUMENT_NOT_FOUND"},
                }
            ]
        },
    )
    assert after == (200, ["services"])


async def test_a_mutation_by_id_is_refused_by_get_and_done_by_post(
    gateway: Gateway, alice: Person, clock: Clock
) -> None:
    await trust(clock, leave=SIGN_OUT)
    got = await gateway.client.get(
        "/graphql", params={"documentId": "leave"}, headers={"cookie": f"session={alice.cookie}"}
    )
    still = await send(gateway.client, {"query": WHO}, by=alice)
    posted = await send(gateway.client, {"documentId": "leave"}, by=alice)
    again = await send(gateway.client, {"documentId": "leave"}, by=alice)
    ended = await send(gateway.client, {"query": WHO}, by=alice)

    assert outcome(got) == (405, "BAD_REQUEST")
    assert still == (200, ["viewer"])
    assert posted == again == (200, ["signOut"])  # rule 41
    assert ended == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": "services", "query": SERVICES},
        {"documentId": 3},
        {"documentId": ""},
        {"query": SERVICES, "extensions": persisted(SERVICES_HASH, version=2)},
        {"query": SERVICES, "extensions": persisted(WHO_HASH)},
        {"query": SERVICES, "extensions": {"persistedQuery": "no"}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        [{"documentId": "services"}],
    ],
)
async def test_what_names_no_one_document_is_refused(gateway: Gateway, body: Any) -> None:
    assert await send(gateway.client, body) == (400, "BAD_REQUEST")


async def test_apollo_registers_a_query_that_is_not_known_yet(gateway: Gateway) -> None:
    extensions = persisted(WHO_HASH)
    before = await gateway.client.post("/graphql", json={"extensions": extensions})
    registered = await send(gateway.client, {"query": WHO, "extensions": extensions})
    after = await send(gateway.client, {"extensions": extensions})
    by_get = await gateway.client.get("/graphql", params={"extensions": json.dumps(extensions)})

    assert before.json()["errors"] == [
        {
            "message": "PersistedQueryNotFound",
            "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
        }
    ]
    assert registered == after == outcome(by_get) == (200, ["viewer"])


async def test_a_query_with_errors_is_not_registered(gateway: Gateway) -> None:
    text = "{ nonsense }"
    extensions = persisted(hashlib.sha256(text.encode()).hexdigest())
    first = await send(gateway.client, {"query": text, "extensions": extensions})
    second = await send(gateway.client, {"extensions": extensions})

    assert first == (400, "GRAPHQL_VALIDATION_FAILED")
    assert second == (400, "PERSISTED_QUERY_NOT_FOUND")


def test_registered_queries_are_bounded_by_count_and_by_bytes() -> None:
    few = AutomaticQueries(max_count=2, max_bytes=1_000)
    small = AutomaticQueries(max_count=100, max_bytes=10)
    for number in range(3):
        few.register(str(number), "{ä}")
        few.text("0")
        small.register(str(number), "{ä}")
    small.register("2", "{ä}")
    small.register("3", "{…}" * 3)

    assert [few.text(str(number)) for number in range(3)] == ["{ä}", None, "{ä}"]
    assert (len(few), few.bytes) == (2, 8)
    assert (len(small), small.bytes) == (0, 0)


async def test_only_trusted_documents_run_where_that_is_set(
    trusting: httpx2.AsyncClient, clock: Clock
) -> None:
    await trust(clock, services=SERVICES)
    asked: list[dict[str, Any]] = [
        {"query": WHO},
        {"query": SERVICES + " "},
        {"query": "{ nonsense"},
        {"query": WHO, "extensions": persisted(WHO_HASH)},
    ]
    refused = [await send(trusting, body) for body in asked]
    by_get = outcome(await trusting.get("/graphql", params={"query": WHO}))
    unregistered = await send(trusting, {"extensions": persisted(WHO_HASH)})

    assert refused == [(403, "TRUSTED_DOCUMENTS_ONLY")] * 4
    assert by_get == (403, "TRUSTED_DOCUMENTS_ONLY")
    assert unregistered == (400, "PERSISTED_QUERY_NOT_SUPPORTED")
    assert await send(trusting, {"query": SERVICES}) == (200, ["services"])
    assert await send(trusting, {"documentId": "services"}) == (200, ["services"])


@pytest.mark.parametrize("accept", ["text/event-stream", GRAPHQL_RESPONSE])
async def test_no_other_subscription_is_followed_either_where_that_is_set(
    trusting: httpx2.AsyncClient, alice: Person, contoso: str, accept: str
) -> None:
    """By WebSocket: `test_stream_admission`."""
    text = f'subscription {{ userChanged(organizationId: "{contoso}") {{ kind }} }}'
    response = await trusting.post(
        "/graphql",
        json={"query": text},
        headers={"accept": accept, "cookie": f"session={alice.cookie}"},
    )

    assert "TRUSTED_DOCUMENTS_ONLY" in response.text
    assert "userChanged" not in response.text


async def test_an_administrators_graphiql_runs_any_document(
    trusting: httpx2.AsyncClient, alice: Person, bob: Person
) -> None:
    body = {"query": WHO}
    cookie = {"cookie": f"session={alice.cookie}"}
    by_get = await trusting.get("/graphql", params=body, headers={**cookie, **OWN_PAGE})
    schema = {"query": "{ __schema { queryType { name } } }"}
    introspected = await send(trusting, schema, by=alice, origin=OUR_ORIGIN)

    assert await send(trusting, body, by=alice, origin=OUR_ORIGIN) == (200, ["viewer"])
    assert introspected == (200, ["__schema"])
    refused = (403, "TRUSTED_DOCUMENTS_ONLY")
    assert await send(trusting, body, by=alice) == refused
    assert await send(trusting, body, by=alice, origin="https://evil.example") == refused
    assert await send(trusting, body, by=bob, origin=OUR_ORIGIN) == refused
    assert await send(trusting, body, origin=OUR_ORIGIN) == refused
    assert outcome(by_get) == refused


async def test_our_own_pages_work_where_only_trusted_documents_run(
    trusting: httpx2.AsyncClient, bob: Person
) -> None:
    if not PORTAL_MANIFEST.is_file():
        pytest.skip("the portal is not built: make portal")
    statuses = {}
    for document in shipped_documents():
        response = await trusting.post(
            "/graphql",
            json={"query": document.text},
            headers={"cookie": f"session={bob.cookie}", **OWN_PAGE},
        )
        statuses[document.id] = response.status_code
    texts = [document.text for document in shipped_documents()]

    assert set(statuses.values()) <= {200, 401}  # one of them signs bob out
    assert ManifestCheck(introspection=False).problems(shipped_documents()) == []
    assert len(texts) > 15
    assert set(graphiql_documents().values()) < set(texts)


async def test_what_is_removed_runs_no_longer_in_any_process(
    gateway: Gateway, trusting: httpx2.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trust(clock, services=SERVICES, who=WHO)
    ran = [await send(each, {"documentId": "who"}) for each in (gateway.client, trusting)]
    removed = await remove_documents(["who", "unknown"], now=clock())
    monkeypatch.setattr("gateway.trusted.LOOK_AGAIN_S", 0)
    after = [await send(each, {"documentId": "who"}) for each in (gateway.client, trusting)]

    assert ran == [(200, ["viewer"])] * 2
    assert removed == ["removed document who"]
    assert after == [(400, "PERSISTED_DOCUMENT_NOT_FOUND")] * 2
    assert await send(trusting, {"documentId": "services"}) == (200, ["services"])


async def test_applying_twice_changes_nothing(gateway: Gateway, clock: Clock) -> None:
    del gateway
    first = await trust(clock, services=SERVICES, who=WHO)
    version = await DocumentsVersion.first().values("version")
    second = await trust(clock, services=SERVICES, who=WHO)

    assert first == ["added document services", "added document who"]
    assert second == []
    assert await DocumentsVersion.first().values("version") == version == {"version": 1}


async def test_the_text_of_an_id_never_changes(gateway: Gateway, clock: Clock) -> None:
    del gateway
    await trust(clock, services=SERVICES)
    with pytest.raises(DocumentsRefused) as refused:
        await trust(clock, who=WHO, services=WHO)

    assert str(refused.value) == (
        "document services: this id has another text already; an id's text never changes"
    )
    assert (await current_documents()).texts == {"services": SERVICES}


async def test_a_trusted_document_costs_no_statement_once_it_is_known(
    gateway: Gateway, clock: Clock, statements: list[str]
) -> None:
    await trust(clock, services=SERVICES)
    await send(gateway.client, {"documentId": "services"})
    statements.clear()
    await send(gateway.client, {"documentId": "services"})

    assert [each for each in statements if "document" in each] == []


def test_the_manifest_is_beside_the_page_that_needs_it() -> None:
    build = json.loads(Path("gateway/portal/package.json").read_text())["scripts"]["build"]

    assert build.endswith("&& node documents.ts")
