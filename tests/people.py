"""People who use the gateway: each with a session of their own, speaking GraphQL.

`alice` signed Contoso up for Commerce Services, so she administers it. `bob` is a member of
Contoso with a plain role. `carol` administers Sites Services of Contoso and nothing else. `mallory`
administers Commerce Services of another organization.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from gateway.app import create_app
from gateway.catalog_file import read_catalogue
from gateway.settings import Settings
from models.audit import AuditEvent
from models.invitations import OutgoingMail
from resolvers.catalogue_changes import apply_catalogue
from resolvers.sessions import Identity, sign_in
from tests import documents

ISSUER = "https://login.example"
BEGINNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The gateway's clock, set by the test."""

    moment: datetime = BEGINNING

    def __call__(self) -> datetime:
        """Now; each look at it is a millisecond later, as time goes."""
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def pass_by(self, duration: timedelta) -> None:
        """Let time go by."""
        self.moment += duration


class UnexpectedError(AssertionError):
    """The graph answered with top-level errors where none were expected."""


@dataclass
class Person:
    """Someone with a browser: signed in, or not."""

    gateway: "Gateway"
    account: str = ""
    cookie: str | None = None
    token: str | None = None
    """The access token of a program that acts for the person."""
    user: dict[str, Any] = field(default_factory=dict)
    """The profile that the fixtures speak of, as the graph showed it then."""

    async def post(self, query: str, **variables: Any) -> httpx2.Response:
        """Send an operation, as the person's browser would."""
        return await self.gateway.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers=self.headers(),
        )

    def headers(self) -> dict[str, str]:
        """What the person's browser or program is known by."""
        if self.token:
            return {"authorization": f"Bearer {self.token}"}
        return {"cookie": f"session={self.cookie}"} if self.cookie else {}

    async def program(self, *scopes: str, name: str = "nightly sync", days: int = 90) -> "Person":
        """A program that acts for the person, with an access token of these scopes."""
        ends = self.gateway.clock() + timedelta(days=days)
        form = {"name": name, "scopes": scopes, "expiresAt": ends.isoformat()}
        payload = await self.do(documents.CREATE_ACCESS_TOKEN, input=form)
        return Person(
            self.gateway, self.account, token=payload["secret"], user=payload["accessToken"]
        )

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must have no top-level error."""
        body = (await self.post(query, **variables)).json()
        if body.get("errors"):
            raise UnexpectedError(body["errors"])
        data: dict[str, Any] = body["data"]
        return data

    async def errors(self, query: str, **variables: Any) -> list[str]:
        """The codes of an operation's top-level errors."""
        body = (await self.post(query, **variables)).json()
        return [error["extensions"]["code"] for error in body.get("errors", [])]

    async def do(self, query: str, **variables: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        (payload,) = (await self.ask(query, **variables)).values()
        payload_: dict[str, Any] = payload
        return payload_

    async def create(self, organization_id: str, **form: Any) -> dict[str, Any]:
        """`createUser` with a filled-in form; what is given replaces fields of it."""
        given = {"organizationId": organization_id, **documents.FORM, **form}
        return await self.do(documents.CREATE_USER, input=given)

    async def edit(self, user: dict[str, Any], **form: Any) -> dict[str, Any]:
        """`editUser` of a user as the person last saw it."""
        given = {"id": user["id"], "version": user["version"], **form}
        return await self.do(documents.EDIT_USER, input=given)

    async def remove(self, *users: dict[str, Any]) -> dict[str, Any]:
        """`removeUsers`."""
        rows = [{"id": user["id"]} for user in users]
        return await self.do(documents.REMOVE_USERS, input={"users": rows})

    async def invite(self, *users: dict[str, Any]) -> dict[str, Any]:
        """`inviteUsers`."""
        return await self.do(
            documents.INVITE_USERS, input={"userIds": [user["id"] for user in users]}
        )

    async def accept(self, token: str) -> dict[str, Any]:
        """`acceptInvitation`."""
        return await self.do(documents.ACCEPT_INVITATION, input={"token": token})

    async def see(self, user: dict[str, Any]) -> dict[str, Any] | None:
        """`user`, as it is now."""
        found: dict[str, Any] | None = (await self.ask(documents.USER, id=user["id"]))["user"]
        return found

    async def sign_up(self, service: str, **input_: Any) -> dict[str, Any]:
        """`signUpForService` for the service with this code."""
        services = await self.gateway.services()
        given = {"serviceId": services[service]["id"], **input_}
        return await self.do(documents.SIGN_UP, input=given)


@dataclass
class Gateway:
    """The gateway in this process, on a database of its own."""

    client: httpx2.AsyncClient
    clock: Clock
    database_url: str

    def anyone(self) -> Person:
        """Someone who is not signed in."""
        return Person(self)

    async def person(self, account: str, *, subject: str | None = None) -> Person:
        """Someone who has signed in with this Microsoft account just now."""
        identity = Identity(
            issuer=ISSUER,
            subject=subject or account.lower(),
            microsoft_account=account,
            display_name=None,
        )
        cookie, _ = await sign_in(
            identity,
            client="Firefox on Linux",
            request_id="test",
            now=self.clock(),
            lifetime=timedelta(hours=12),
        )
        return Person(self, account, cookie)

    async def services(self) -> dict[str, dict[str, Any]]:
        """The catalogue's services by code, each with `id`, and `roles` by code."""
        data = await self.anyone().ask(documents.CATALOGUE)
        return {
            service["code"]: {
                "id": service["id"],
                "roles": {role["code"]: role["id"] for role in service["roles"]},
            }
            for service in data["services"]
        }

    async def role(self, name: str) -> str:
        """The id of a role given as `service/role`."""
        service, _, role = name.partition("/")
        id_: str = (await self.services())[service]["roles"][role]
        return id_

    async def tokens(self) -> list[str]:
        """The tokens of the links that wait in the outbox, oldest first."""
        return [
            mail.token
            for mail in await OutgoingMail.filter(token__isnull=False).order_by("created_at", "id")
            if mail.token is not None
        ]

    async def events(self, **conditions: Any) -> list[AuditEvent]:
        """Audit events, oldest first, also those of no organization."""
        return await AuditEvent.filter(**conditions).order_by("created_at", "id")


@pytest.fixture
def clock() -> Clock:
    """The gateway's clock."""
    return Clock()


@pytest.fixture
def oidc_settings() -> dict[str, str]:
    """Settings for a provider that nobody asks in these tests."""
    return {
        "secret_key": "0123456789abcdef0123456789abcdef",
        "oidc_issuer": ISSUER,
        "oidc_client_id": "gateway",
        "oidc_client_secret": "secret",
    }


@pytest.fixture
async def gateway(
    database: str, clock: Clock, oidc_settings: dict[str, str]
) -> AsyncIterator[Gateway]:
    """The gateway with its shipped catalogue, on SQLite and on PostgreSQL in turn."""
    settings = Settings.model_validate({"database_url": database, **oidc_settings})
    await apply_catalogue(read_catalogue(None), now=clock())
    transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=clock))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        yield Gateway(client, clock, database)


@pytest.fixture
async def alice(gateway: Gateway) -> Person:
    """Administers Commerce Services of Contoso."""
    person = await gateway.person("alice@live.example")
    payload = await person.sign_up("commerce-services", newOrganization=documents.CONTOSO)
    person.user = payload["user"]
    return person


@pytest.fixture
def contoso(alice: Person) -> str:
    """The id of Contoso, in the US, on AX 2012 R2."""
    id_: str = alice.user["organization"]["id"]
    return id_


@pytest.fixture
async def bob(alice: Person, contoso: str) -> Person:
    """A member of Contoso who administers nothing."""
    return await associated(
        alice, contoso, "bob@live.example", role="commerce-services/viewer", name="Bob Baker"
    )


@pytest.fixture
async def carol(gateway: Gateway, alice: Person, contoso: str) -> Person:
    """Administers Sites Services of Contoso, and nothing else."""
    person = await associated(
        alice, contoso, "carol@live.example", role="commerce-services/viewer", name="Carol Clark"
    )
    await person.sign_up("sites-services", organizationId=contoso)
    viewer = await gateway.role("commerce-services/viewer")
    seen = await alice.see(person.user)
    assert seen
    person.user = (await alice.edit(seen, roles={"remove": [viewer]}))["user"]
    return person


@pytest.fixture
async def mallory(gateway: Gateway) -> Person:
    """Administers Commerce Services of an organization of her own."""
    person = await gateway.person("mallory@live.example")
    organization = {**documents.CONTOSO, "name": "Fabrikam", "firstName": "Mallory"}
    person.user = (await person.sign_up("commerce-services", newOrganization=organization))["user"]
    return person


async def associated(
    administrator: Person, organization_id: str, account: str, *, role: str, name: str
) -> Person:
    """A person whom an administrator adds with a role and invites, and who accepts."""
    gateway = administrator.gateway
    first_name, _, last_name = name.partition(" ")
    payload = await administrator.create(
        organization_id,
        firstName=first_name,
        lastName=last_name,
        microsoftAccount=account,
        primaryEmailAddress=account,
        roles={"set": [await gateway.role(role)]},
    )
    await administrator.invite(payload["user"])
    person = await gateway.person(account)
    person.user = (await person.accept((await gateway.tokens())[-1]))["user"]
    return person


@pytest.fixture
def statements(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every SQL statement that the gateway sends, as Tortoise logs it, without its values."""
    del gateway
    sent = _Statements()
    loggers = [logging.getLogger(name) for name in ("tortoise.db_client",)]
    for logger in loggers:
        logger.addHandler(sent)
    with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
        yield sent.texts
    for logger in loggers:
        logger.removeHandler(sent)


class _Statements(logging.Handler):
    """Collects the statements from Tortoise's log of them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.args and record.msg in {"%s: %s", "%s"}:
            self.texts.append(str(record.args[0]))  # type: ignore[index]  # positional
