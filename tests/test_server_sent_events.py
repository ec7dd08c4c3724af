"""Subscriptions as server-sent events, and other operations in the same form."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import documents
from tests.people import Gateway, Person
from tests.streaming import SHORT, create, events, served_gateway

__all__ = ["served_gateway"]

EVENT_STREAM = "text/event-stream"


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """The form is the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_is_asked_for_by_either_method(
    alice: Person, contoso: str, method: str
) -> None:
    """An EventSource can't but send GET, and a subscription changes nothing."""
    async with events(alice, method=method, organizationId=contoso) as stream:
        headers = stream.response.headers
        await create(alice, contoso, "Dora")
        event = await stream.event()

    answer = json.loads(event["data"])
    assert (headers["content-type"], headers["cache-control"]) == (
        f"{EVENT_STREAM}; charset=utf-8",
        "no-store",
    )
    assert event["event"] == "next"
    assert answer["data"] == {"userChanged": {"kind": "CREATED", "user": {"firstName": "Dora"}}}
    assert event["id"] == answer["extensions"]["eventId"]


async def test_who_comes_back_with_the_last_events_id_is_told_that_some_may_be_missing(
    alice: Person, contoso: str
) -> None:
    headers = {"last-event-id": "01a20d73451f77808ab4aa27ff6ff40a"}
    async with events(alice, headers=headers, organizationId=contoso) as stream:
        event = await stream.event()

    assert json.loads(event["data"]) == {"data": None, "extensions": {"mayHaveMissedEvents": True}}


async def test_a_query_and_a_mutation_have_one_answer_and_are_complete(
    alice: Person, contoso: str
) -> None:
    seen: dict[str, Any] = {}
    for text, variables in (
        (documents.USER, {"id": alice.user["id"]}),
        (documents.CREATE_USER, {"input": {**documents.FORM, "organizationId": contoso}}),
    ):
        async with events(alice, text, **variables) as stream:
            answer, last, end = [await stream.event() for _ in range(3)]
        seen |= json.loads(answer["data"])["data"]
        assert (answer["event"], last, end) == ("next", {"event": "complete", "data": ""}, {})

    assert seen["user"]["id"] == alice.user["id"]
    assert [each["code"] for each in seen["createUser"]["userErrors"]] == ["ROLE_REQUIRED"]


async def test_a_mutation_is_not_sent_by_get_in_this_form_either(alice: Person) -> None:
    async with events(alice, documents.SIGN_OUT, method="GET") as stream:
        assert stream.response.status_code == 405

    assert (await alice.ask("{ viewer { microsoftAccount } }"))["viewer"]


async def test_a_subscription_without_a_way_to_stream_is_told_of_both(
    alice: Person, contoso: str
) -> None:
    body = (await alice.post(SHORT, organizationId=contoso)).json()

    (error,) = body["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "graphql-transport-ws" in error["message"]
    assert EVENT_STREAM in error["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (SHORT, "BAD_REQUEST"),
        ('subscription { userChanged(organizationId: "x") { kind } }', "FORBIDDEN"),
    ],
)
async def test_a_subscription_that_can_not_begin_gets_its_errors_and_is_complete(
    alice: Person, query: str, code: str
) -> None:
    async with events(alice, query) as stream:
        refusal, last = [await stream.event() for _ in range(2)]

    (error, *_) = json.loads(refusal["data"])["errors"]
    assert error["extensions"]["code"] == code
    assert last["event"] == "complete"


async def test_who_is_not_signed_in_is_told_so(gateway: Gateway, contoso: str) -> None:
    async with events(gateway.anyone(), organizationId=contoso) as stream:
        refusal = await stream.event()

    (error,) = json.loads(refusal["data"])["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_a_credential_that_is_not_valid_gets_401(alice: Person, contoso: str) -> None:
    headers = {"authorization": "Bearer made-up"}
    async with events(alice, headers=headers, organizationId=contoso) as stream:
        assert stream.response.status_code == 401


async def test_a_cookie_counts_only_for_our_own_pages(alice: Person, contoso: str) -> None:
    headers = {"origin": "https://evil.example"}
    async with events(alice, headers=headers, organizationId=contoso) as stream:
        refusal = await stream.event()

    assert "UNAUTHENTICATED" in refusal["data"]


async def test_a_client_that_leaves_makes_room(alice: Person, contoso: str) -> None:
    """One account may have fifty streams."""
    for _ in range(5):
        async with asyncio.TaskGroup() as group:
            for _ in range(12):
                group.create_task(_look_in(alice, contoso))
    async with events(alice, organizationId=contoso) as stream:
        await create(alice, contoso, "Dora")

        assert (await stream.change())["kind"] == "CREATED"


async def _look_in(alice: Person, contoso: str) -> None:
    async with events(alice, organizationId=contoso) as stream:
        assert stream.response.status_code == httpx2.codes.OK
