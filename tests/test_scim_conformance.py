"""The independent `scim2-tester` against a running gateway."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx2
import pytest
from pydantic import Field
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Mutability, Required, ScimProvider, Uniqueness
from scim2_tester import CheckResult, Status, check_server

import gateway.scim.models as ours
from tests.people import Gateway, Person
from tests.postgres import free_port
from tests.servers import environment_for, serving

ADDRESSES = [f"checked{number}@live.example" for number in range(1_000)]


class Role(ours.GrantedRole):
    """One of those that there are."""

    value: Annotated[str | None, Required.true] = Field(
        None, examples=["commerce-services/viewer", "commerce-services/order-processor"]
    )


class Email(ours.Email):
    """The only address there is."""

    primary: bool | None = Field(None, examples=[True])


class User(ours.User):
    """With examples, from which the tester draws: it can't know that an account is an address."""

    user_name: Annotated[str | None, Uniqueness.server, Required.true, Mutability.immutable] = (
        Field(None, examples=ADDRESSES)
    )
    active: bool | None = Field(None, examples=[True])
    emails: Annotated[list[Email] | None, Required.true] = None  # type: ignore[assignment] # a list
    roles: Annotated[list[Role] | None, Required.true] = None  # type: ignore[assignment] # a list


DECLARED = "roles are declared in the catalogue: 501, as RFC 7644 section 3.12 has it"

EXPLAINED = {
    ("User", "check_remove_attribute", "'active'"): "it is always there, as it follows the roles",
    ("Group", "object_creation", "declared in"): DECLARED,
    ("Group", "object_query", "declared in"): DECLARED,
    ("Group", "object_query_without_id", "declared in"): DECLARED,
    ("Group", "object_query_with_attributes", "declared in"): DECLARED,
    ("Group", "object_list_with_attributes", "declared in"): DECLARED,
    ("Group", "search_with_attributes", "declared in"): DECLARED,
    ("Group", "object_replacement", "declared in"): DECLARED,
    ("Group", "object_deletion", "declared in"): DECLARED,
    ("Group", "check_add_attribute", "declared in"): DECLARED,
    ("Group", "check_remove_attribute", "declared in"): DECLARED,
    ("Group", "check_replace_attribute", "declared in"): DECLARED,
}
"""What fails, by resource type, check, and a part of its reason; and why it is right to.

The tester makes a resource of its own for every check, so that it finds out nothing about groups
that can't be made. `test_scim_groups` asks what it would.
"""

SKIPPED = {
    ("User", "search_with_attributes"): "/.search over both types at once is answered by 501",
}


@pytest.fixture
async def client(gateway: Gateway, alice: Person, tmp_path: Path) -> AsyncIterator[httpx2.Client]:
    """Acts for Alice at a gateway in a process of its own, by the clock on the wall."""
    gateway.clock.moment = datetime.now(UTC)
    program = await (await gateway.person(alice.account)).program("READ", "MANAGE_USERS")
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, gateway.database_url)
    server = serving(environment, "--no-mail", log=tmp_path / "gateway.log")
    await asyncio.to_thread(server.__enter__)
    try:
        with httpx2.Client(
            base_url=f"{url}/scim/v2", headers=program.headers(), trust_env=False, timeout=60
        ) as sender:
            yield sender
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


async def test_every_failure_of_the_independent_tester_is_explained(client: httpx2.Client) -> None:
    random.seed(7643)
    scim = SyncSCIMClient(client, provider=ScimProvider(models=[User, ours.Group]))
    results = await asyncio.to_thread(check_server, scim)
    failures = [result for result in results if result.status is Status.ERROR]
    skipped = [result for result in results if result.status is Status.SKIPPED]

    assert [failure for failure in failures if _explanation(failure) is None] == []
    assert {_explanation(failure) for failure in failures} == set(EXPLAINED)
    assert {(result.resource_type, result.title) for result in skipped} == set(SKIPPED)
    assert len(results) - len(failures) - len(skipped) > len(EXPLAINED)


def _explanation(failure: CheckResult) -> tuple[str, str, str] | None:
    """The key of the explanation that fits."""
    return next(
        (
            key
            for key in EXPLAINED
            if key[:2] == (failure.resource_type, failure.title) and key[2] in str(failure.reason)
        ),
        None,
    )
