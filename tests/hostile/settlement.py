"""Two organizations in a database, and sessions of many people; made before the gateway serves.

The texts of each organization carry a mark that nobody of another may ever read in an answer.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from gateway.app import create_app
from gateway.catalog_file import read_catalogue
from gateway.database import connected, migrate
from gateway.settings import Settings
from resolvers.catalogue_changes import apply_catalogue
from tests import documents
from tests.people import Clock, Gateway, Person, associated
from tests.postgres import free_port, postgres_server
from tests.servers import SECRET_KEY, environment_for, provider, serving

PORTAL = "https://portal.example"
"""An origin that may use cookies."""

USERS = "query ($id: ID!) { users(organizationId: $id, first: 100) { nodes { ...Profile } } }"
UNLIMITED = {
    f"GATEWAY_{name}_RATE": "1000000000 per minute"
    for name in (
        *("ACCOUNT_COST", "ADDRESS_COST", "SIGN_IN", "FAILED_SIGN_IN", "PREVIEW", "ACCEPTANCE"),
        *("RECIPIENT_MAIL", "ADMINISTRATOR_MAIL", "ORGANIZATION_MAIL"),
    )
}
"""All requests come from one address: what is tried here is whether they do harm, not how many."""

ENGINES = ("sqlite", "postgres")


@dataclass(frozen=True)
class Settlement:
    """What is there when the attack begins."""

    cookies: dict[str, list[str]]
    """Tokens of sessions, by who holds them: administrator, member, outsider (who administers
    another organization), ended."""
    ids: dict[str, list[str]]
    """Global ids, by whom they belong to: Contoso, the outsider's Fabrikam, everybody."""
    marks: dict[str, str]
    """In the texts of Contoso and Fabrikam alone, by the organization."""

    def hidden_from(self, caller: str) -> list[str]:
        """The marks that must not be in answers to a caller."""
        own = {"administrator": "Contoso", "member": "Contoso", "outsider": "Fabrikam"}.get(caller)
        return [mark for organization, mark in self.marks.items() if organization != own]


@dataclass(frozen=True)
class Besieged:
    """A gateway that really serves, with its settlement."""

    url: str
    issuer: str
    pid: int
    log: Path
    settlement: Settlement

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])


async def settle(database_url: str) -> Settlement:
    """Migrate a database and found everything in it."""
    marks = {name: f"Zq{secrets.token_hex(8)}" for name in ("Contoso", "Fabrikam")}
    settings = Settings.model_validate(
        {
            "database_url": database_url,
            "secret_key": SECRET_KEY,
            "oidc_issuer": "http://127.0.0.1:9",
            "oidc_client_id": "portal",
            "oidc_client_secret": "made-up",
        }
    )
    async with connected(database_url):
        await migrate(database_url)
        clock = Clock(datetime.now(UTC))
        await apply_catalogue(read_catalogue(None), now=clock())
        app = create_app(settings, delivers_mail=False, now=clock)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            return await _found(Gateway(client, clock, database_url), marks)


async def _found(gateway: Gateway, marks: dict[str, str]) -> Settlement:
    mark = marks["Contoso"]
    alice = await gateway.person("alice@live.example")
    contoso = {
        **documents.CONTOSO,
        "name": f"Contoso {mark}",
        "firstName": mark,
        "primaryEmailAddress": f"alice@{mark}.example",
    }
    founded = await alice.sign_up("commerce-services", newOrganization=contoso)
    organization = founded["user"]["organization"]["id"]
    for service in await gateway.services():
        # All of them: a member may sign up for what is left, and would administer it.
        await alice.sign_up(service, organizationId=organization)
    bob = await associated(
        alice,
        organization,
        "bob@live.example",
        role="commerce-services/viewer",
        name=f"Bob {mark}",
    )
    dora = await alice.create(
        organization,
        lastName=mark,
        microsoftAccount=f"dora.{mark}@live.example",
        primaryEmailAddress=f"dora@{mark}.example",
        roles={"set": [await gateway.role("commerce-services/viewer")]},
    )
    invited = await alice.invite(dora["user"])
    mallory = await gateway.person("mallory@live.example")
    fabrikam = await mallory.sign_up(
        "commerce-services",
        newOrganization={
            **documents.CONTOSO,
            "name": f"Fabrikam {marks['Fabrikam']}",
            "firstName": "Mallory",
            "lastName": marks["Fabrikam"],
        },
    )
    ended = await gateway.person("alice@live.example")
    await ended.do(documents.SIGN_OUT)
    services = await gateway.services()
    return Settlement(
        cookies={
            "administrator": await _sessions(gateway, alice),
            "member": await _sessions(gateway, bob),
            "outsider": await _sessions(gateway, mallory),
            "ended": [str(ended.cookie)],
        },
        ids={
            "Contoso": [
                organization,
                founded["subscription"]["id"],
                founded["user"]["id"],
                bob.user["id"],
                dora["user"]["id"],
                invited["results"][0]["invitation"]["id"],
            ],
            "Fabrikam": [
                fabrikam["user"]["organization"]["id"],
                fabrikam["subscription"]["id"],
                fabrikam["user"]["id"],
            ],
            "everybody": [
                id_
                for service in services.values()
                for id_ in (service["id"], *service["roles"].values())
            ],
        },
        marks=marks,
    )


async def _sessions(gateway: Gateway, person: Person) -> list[str]:
    """Several, so that one that an attack ends leaves others."""
    more = [await gateway.person(person.account) for _ in range(5)]
    return [str(each.cookie) for each in (person, *more)]


def users_seen(client: httpx2.Client, besieged: Besieged) -> list[dict[str, Any]]:
    """Contoso's users, as its administrator sees them now."""
    response = client.post(
        "/graphql",
        json={
            "query": USERS + documents.PROFILE,
            "variables": {"id": besieged.settlement.ids["Contoso"][0]},
        },
        headers={"cookie": f"session={besieged.settlement.cookies['administrator'][0]}"},
    )
    found: list[dict[str, Any]] = response.json()["data"]["users"]["nodes"]
    return found


@contextmanager
def database_of(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database of either engine."""
    if engine == "sqlite":
        yield f"sqlite://{folder / 'gateway.sqlite3'}"
        return
    with postgres_server() as server:
        yield server.create_database("besieged")


@contextmanager
def besieged_gateway(database_url: str, settlement: Settlement, folder: Path) -> Iterator[Besieged]:
    """`gateway serve` on a settled database, with a real OpenID provider."""
    with provider(folder) as signs_in:
        url = f"http://127.0.0.1:{free_port()}"
        environment = environment_for(
            url,
            database_url,
            GATEWAY_OIDC_ISSUER=signs_in.issuer,
            GATEWAY_ALLOWED_ORIGINS=PORTAL,
            **UNLIMITED,
        )
        log = folder / "gateway.log"
        with serving(environment, "--no-mail", log=log) as process:
            yield Besieged(url, signs_in.issuer, process.pid, log, settlement)
