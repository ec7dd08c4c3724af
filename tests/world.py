"""Two organizations with one of everything, and every kind of caller that the rules tell apart."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.accounts import AccessToken, Session
from models.audit import AuditAction, AuditEvent
from models.imports import UserImport
from models.invitations import Invitation
from models.organizations import Organization
from models.services import Service, ServiceSubscription
from models.users import User
from models.webhooks import Webhook, WebhookDelivery
from schema.nodes import decode_id, encode_id, split_id
from tests import documents, walks
from tests.imported import file_of, row_of, run
from tests.people import Gateway, Person, associated

UNKNOWN_KEY = UUID("019275f0-abcd-7ef0-abcd-0123456789ab")


@dataclass
class World:
    """What there is, by names that a table can hold."""

    gateway: Gateway
    callers: dict[str, Person]
    token: str
    """Of the link that Dora was sent."""
    ids: dict[str, str] = field(default_factory=dict)
    """The global ids of what has a name."""

    def unknown(self, name: str) -> str:
        """An id of nothing, of the type that the named thing has."""
        return encode_id(split_id(self.ids[name])[0], UNKNOWN_KEY)

    def fill(self, value: Any, caller: str) -> Any:
        """The value with `{Name}` as its id, `{self}` as the caller's profile, and so on.

        `{Name.version}` is the version that a user has now. What a caller has not, such as an
        invitation of his own, becomes an id of nothing. `{enum NAME}` is a value of an enum.
        """
        if isinstance(value, dict):
            return {key: self.fill(each, caller) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each, caller) for each in value]
        if not isinstance(value, str) or value[:1] != "{" or value.startswith("{version of"):
            return value
        if value.startswith("{enum "):
            return walks.EnumValue(value[6:-1])
        return self._named(value.strip("{}").replace("self", self.profile_of(caller)))

    def _named(self, name: str) -> str:
        if name == "token":
            return self.token
        if name not in self.ids:
            kind = "Invitation" if "invitation" in name else "User"
            return encode_id(kind, UNKNOWN_KEY)
        return self.ids[name]

    async def versions(self, value: Any) -> Any:
        """The value with `{version of Name}` as what the database says now."""
        if isinstance(value, dict):
            return {key: await self.versions(each) for key, each in value.items()}
        if isinstance(value, str) and value.startswith("{version of "):
            name = value.removeprefix("{version of ").strip("}")
            return (await User.get(first_name=name)).version
        return value

    def profile_of(self, caller: str) -> str:
        """The first name of a caller's profile; of nobody for one without."""
        return PROFILES.get(caller, "nobody")

    async def names(self) -> dict[str, str]:
        """A name for each private row, by its global id; the catalogue is everybody's."""
        organizations = {row.id: row.name for row in await Organization.all()}
        services = {row.id: row.code for row in await Service.all()}
        users = {row.id: row for row in await User.all()}
        accounts = {
            row.account_id: row.first_name for row in users.values() if row.account_id is not None
        }
        found: dict[str, str] = {
            encode_id("Organization", id_): name for id_, name in organizations.items()
        }
        found |= {encode_id("User", id_): row.first_name for id_, row in users.items()}
        for subscription in await ServiceSubscription.all():
            name = f"{organizations[subscription.organization_id]}'s "
            name += services[subscription.service_id].removesuffix("-services")
            found[encode_id("ServiceSubscription", subscription.id)] = name
        for invitation in await Invitation.all():
            name = f"{users[invitation.user_id].first_name}'s invitation"
            found[encode_id("Invitation", invitation.id)] = name
        for session in await Session.all():
            name = f"{accounts.get(session.account_id, 'nobody')}'s session"
            found[encode_id("Session", session.id)] = name
        for import_ in await UserImport.all():
            found[encode_id("UserImport", import_.id)] = (
                f"{organizations[import_.organization_id]}'s import"
            )
        for token in await AccessToken.all():
            name = f"{accounts.get(token.account_id, 'nobody')}'s token"
            found[encode_id("AccessToken", token.id)] = name
        for event in await AuditEvent.all():
            owner = organizations[event.organization_id] if event.organization_id else "nobody"
            found[encode_id("AuditEvent", event.id)] = f"{owner}'s events"
        for webhook in await Webhook.all():
            owner = organizations[webhook.organization_id]
            found[encode_id("Webhook", webhook.id)] = f"{owner}'s webhook"
        for delivery in await WebhookDelivery.all():
            owner = organizations[delivery.organization_id]
            found[encode_id("WebhookDelivery", delivery.id)] = f"{owner}'s delivery"
        return found


WEBHOOK = {"url": "https://receiver.example/", "actions": ["WEBHOOK_CREATED"]}
"""It is told of its own creation, and nothing else."""

CREATE_WEBHOOK = (
    "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }"
)

PROFILES = {
    "ended": "Alice",
    "stranger": "Mallory",
    "invited": "nobody",
    "bare": "Nina",
    "member": "Bob",
    "neighbour": "Carol",
    "administrator": "Alice",
    **dict.fromkeys(("reads", "manages", "invites", "audits"), "Alice"),
}
"""The first name of each caller's profile. `tests/authorization.toml` says who they are."""


async def _programs(owner: Person) -> dict[str, Person]:
    """A program for each scope, which has used its token just now, so that no use is noted soon."""
    scopes = {
        "reads": "READ",
        "manages": "MANAGE_USERS",
        "invites": "INVITE_USERS",
        "audits": "READ_AUDIT",
    }
    programs = {name: await owner.program(scope) for name, scope in scopes.items()}
    for program in programs.values():
        await program.ask("{ __typename }")
    return programs


async def build_world(gateway: Gateway, people: dict[str, Person], contoso: str) -> World:
    """Make everything; `people` are the fixtures by name."""
    alice, bob = people["alice"], people["bob"]
    viewer = await gateway.role("commerce-services/viewer")
    nina = await associated(
        alice, contoso, "nina@live.example", role="commerce-services/viewer", name="Nina Nash"
    )
    await alice.edit(nina.user, roles={"set": []})
    oscar = await associated(
        alice, contoso, "oscar@live.example", role="commerce-services/viewer", name="Oscar Orr"
    )
    await oscar.program("READ")
    erin = await alice.create(
        contoso, firstName="Erin", microsoftAccount="erin@live.example", roles={"set": [viewer]}
    )
    await alice.edit(erin["user"], roles={"set": []})
    for name in ("Fred", "Dora"):
        account = f"{name.lower()}@live.example"
        made = await alice.create(
            contoso, firstName=name, microsoftAccount=account, roles={"set": [viewer]}
        )
        await alice.invite(made["user"])
    await run(alice, contoso, file_of(row_of("Zara", roles="")), "DRY_RUN")
    await alice.do(CREATE_WEBHOOK, input={**WEBHOOK, "organizationId": contoso})
    token = (await gateway.tokens())[-1]
    leaving = await gateway.person("alice@live.example")
    await leaving.do(documents.SIGN_OUT)
    world = World(
        gateway,
        callers={
            "anonymous": gateway.anyone(),
            "ended": leaving,
            "stranger": people["mallory"],
            "invited": await gateway.person("dora@live.example"),
            "bare": nina,
            "member": bob,
            "neighbour": people["carol"],
            "administrator": alice,
            **await _programs(alice),
        },
        token=token,
    )
    world.ids = {name: id_ for id_, name in (await world.names()).items()}
    for code, service in (await gateway.services()).items():
        world.ids[code.removesuffix("-services")] = service["id"]
        for role, id_ in service["roles"].items():
            world.ids[f"{code.removesuffix('-services')}/{role}"] = id_
    first = (
        await AuditEvent.filter(
            action=AuditAction.SERVICE_SIGNED_UP, organization_id=decode_id("Organization", contoso)
        )
        .order_by("created_at")
        .first()
    )
    nobodys = await AuditEvent.filter(organization_id=None).first()
    if first is None or nobodys is None:
        raise AssertionError
    world.ids["Contoso's first event"] = encode_id("AuditEvent", first.id)
    world.ids["nobody's event"] = encode_id("AuditEvent", nobodys.id)
    return world
