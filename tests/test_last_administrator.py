"""Rule 37 between operating-system processes: two `gateway serve` on one database, SQLite included.

Each round two service administrators do away with each other, or with themselves, at the same
instant, each at a process of their own, in several organizations at once.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.database import is_sqlite
from models.users import RoleAssignment
from resolvers.catalogue import current_catalogue
from schema.nodes import split_id
from tests import documents
from tests.people import Gateway, Person, associated
from tests.postgres import free_port
from tests.servers import environment_for, serving

ORGANIZATIONS = 6
ROUNDS = 11
"""In each organization, of each kind: 66 rounds of a kind on each engine."""

EDIT = """
mutation($input: EditUserInput!) {
  editUser(input: $input) { user { id } userErrors { code } }
}
"""
VERSIONS = "query($a: ID!, $b: ID!) { a: user(id: $a) { version } b: user(id: $b) { version } }"


@dataclass
class Pair:
    """An organization's two service administrators, by `a` and `b`: ids and cookies."""

    ids: dict[str, str]
    cookies: dict[str, str]
    admin_role: str
    survivor: str = "a"

    @property
    def loser(self) -> str:
        """Who is administrator no more."""
        return "b" if self.survivor == "a" else "a"

    async def count(self) -> int:
        """How many administrators the organization has, by the database."""
        holders = await RoleAssignment.filter(
            user_id__in=[split_id(id_)[1] for id_ in self.ids.values()],
            role_id=split_id(self.admin_role)[1],
        )
        return len(holders)


@dataclass
class Processes:
    """The two processes, and what they have answered."""

    clients: list[httpx2.AsyncClient]
    outcomes: Counter[str]

    async def post(self, process: int, cookie: str, query: str, **variables: Any) -> dict[str, Any]:
        """What a process answers; everything but plain data is written down as it is."""
        response = await self.clients[process].post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"cookie": f"session={cookie}"},
        )
        body: dict[str, Any] = response.json() if response.is_success else {}
        if not response.is_success or body.get("errors"):
            codes = [error["extensions"]["code"] for error in body.get("errors", [])]
            self.outcomes[f"HTTP {response.status_code} with {codes}"] += 1
            return {}
        data: dict[str, Any] = body["data"]
        return data

    async def versions(self, pair: Pair, process: int) -> dict[str, int]:
        """Of both users, as the survivor sees them."""
        data = await self.post(
            process, pair.cookies[pair.survivor], VERSIONS, a=pair.ids["a"], b=pair.ids["b"]
        )
        return {name: user["version"] for name, user in data.items() if user}

    async def edit(self, pair: Pair, process: int, by: str, **input_: Any) -> list[str]:
        """The problems that an edit had."""
        data = await self.post(process, pair.cookies[by], EDIT, input=input_)
        if not data:
            return ["top-level error"]
        return [error["code"] for error in data["editUser"]["userErrors"]]

    async def restore(self, pair: Pair, process: int) -> bool:
        """Let there be two administrators again, if that can be done."""
        versions = await self.versions(pair, process)
        if len(versions) < len(pair.ids):
            return False
        loser = pair.loser
        problems = await self.edit(
            pair,
            process,
            pair.survivor,
            id=pair.ids[loser],
            version=versions[loser],
            roles={"add": [pair.admin_role]},
        )
        if problems:
            self.outcomes[f"not restored: {problems}"] += 1
        return not problems

    async def round(self, pair: Pair, number: int, *, whom: dict[str, str]) -> bool:
        """Both take the administrator's role at once from whom each means; whether to go on."""
        versions = await self.versions(pair, number % 2)
        problems = dict(
            zip(
                "ab",
                await asyncio.gather(
                    *(
                        self.edit(
                            pair,
                            (number + index) % 2,
                            by,
                            id=pair.ids[whom[by]],
                            version=versions[whom[by]],
                            roles={"remove": [pair.admin_role]},
                            confirmSelfDemotion=True,
                        )
                        for index, by in enumerate("ab")
                    )
                ),
                strict=True,
            )
        )
        for codes in problems.values():
            self.outcomes[", ".join(codes) or "demoted"] += 1
        self.outcomes[f"{await pair.count()} left"] += 1
        winner = next((by for by, codes in problems.items() if not codes), "a")
        pair.survivor = "b" if whom[winner] == "a" else "a"
        return await self.restore(pair, number % 2)


@pytest.fixture
async def processes(gateway: Gateway, tmp_path: Path) -> AsyncIterator[Processes]:
    """Two gateways on the database of the one in this process."""
    async with AsyncExitStack() as stack:
        clients = []
        for name in ("first", "second"):
            url = f"http://127.0.0.1:{free_port()}"
            environment = environment_for(url, gateway.database_url)
            log = tmp_path / f"{name}.log"
            await asyncio.to_thread(stack.enter_context, serving(environment, "--no-mail", log=log))
            client = httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60)
            clients.append(await stack.enter_async_context(client))
        yield Processes(clients, Counter())


async def pair_of(gateway: Gateway, number: int) -> Pair:
    """An organization with two associated administrators of Commerce Services."""
    admin_role = (await current_catalogue()).services
    role = next(s.administrator_role for s in admin_role.values() if s.code == "commerce-services")
    a = await gateway.person(f"a{number}@live.example")
    payload = await a.sign_up(
        "commerce-services", newOrganization={**documents.CONTOSO, "name": f"Contoso {number}"}
    )
    b = await associated(
        a,
        payload["user"]["organization"]["id"],
        f"b{number}@live.example",
        role=f"commerce-services/{role.code}",
        name="Bob Baker",
    )
    return Pair(
        {"a": payload["user"]["id"], "b": b.user["id"]},
        {"a": _cookie(a), "b": _cookie(b)},
        await gateway.role(f"commerce-services/{role.code}"),
    )


def _cookie(person: Person) -> str:
    assert person.cookie
    return person.cookie


@pytest.mark.parametrize(
    ("whom", "refusal"),
    [
        ({"a": "b", "b": "a"}, "NOT_FOUND"),
        ({"a": "a", "b": "b"}, "LAST_SERVICE_ADMINISTRATOR"),
    ],
    ids=["each other", "themselves"],
)
async def test_two_processes_never_leave_a_service_without_administrator(
    gateway: Gateway, processes: Processes, whom: dict[str, str], refusal: str
) -> None:
    """Rule 37: who comes second is refused in words, and nothing breaks."""
    gateway.clock.moment = datetime.now(UTC)  # the processes have clocks of their own
    pairs = [await pair_of(gateway, number) for number in range(ORGANIZATIONS)]

    async def play(pair: Pair) -> None:
        for number in range(ROUNDS):
            if not await processes.round(pair, number, whom=whom):
                break

    await asyncio.gather(*(play(pair) for pair in pairs))
    rounds = ORGANIZATIONS * ROUNDS
    engine = "SQLite" if is_sqlite(gateway.database_url) else "PostgreSQL"

    assert processes.outcomes == {"demoted": rounds, refusal: rounds, "1 left": rounds}, (
        f"{rounds} rounds on {engine}: {dict(processes.outcomes)}"
    )
