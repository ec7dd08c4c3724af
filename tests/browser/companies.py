"""An organization of its own for each test, signed up through the graph."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.browser.readers import Reader

NUMBERS = count(1)

CATALOGUE = "{ services { id code roles { id code } } }"
SIGN_UP = """mutation ($input: SignUpForServiceInput!) { signUpForService(input: $input) {
    subscription { id organization { id } } user { id version }
    userErrors { code message path } } }"""
CREATE = """mutation ($input: CreateUserInput!) { createUser(input: $input) {
    user { id version firstName lastName } userErrors { code message path } } }"""
EDIT = """mutation ($input: EditUserInput!) { editUser(input: $input) {
    user { id version } userErrors { code message path } } }"""
INVITE = """mutation ($input: InviteUsersInput!) { inviteUsers(input: $input) {
    results { invitation { id } userErrors { code } } } }"""
CREATE_WEBHOOK = """mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
    webhook { id } userErrors { code message path } } }"""

SUBSCRIPTIONS = """query ($id: ID!) { organization(id: $id) {
    subscriptions { id service { code } } } }"""
DEACTIVATE = """mutation ($id: ID!) { deactivateSubscription(id: $id) {
    userErrors { code message } } }"""

ACCEPT = """mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) {
    userErrors { code message } } }"""


@dataclass
class Company:
    """An organization, and the administrator who signed it up for Commerce Services."""

    administrator: Reader
    id: str
    name: str
    services: dict[str, str]
    roles: dict[str, str]

    @property
    def domain(self) -> str:
        """What its people's addresses end with."""
        return self.name.replace(" ", "").lower() + ".example"

    def sign_up(self, service: str, *, by: Reader) -> None:
        """Let a member sign up for a further service, and so become its administrator."""
        given = {"serviceId": self.services[service], "organizationId": self.id}
        answer = by.ask(SIGN_UP, input=given)["signUpForService"]
        assert answer["userErrors"] == []

    def deactivate(self, service: str) -> None:
        """Deactivate the subscription of a service."""
        organization = self.administrator.ask(SUBSCRIPTIONS, id=self.id)["organization"]
        found = {each["service"]["code"]: each["id"] for each in organization["subscriptions"]}
        answer = self.administrator.ask(DEACTIVATE, id=found[service])["deactivateSubscription"]
        assert answer["userErrors"] == []

    def installs(self, release: str) -> None:
        """Change the ERP release that the organization runs, as operators do in the database."""
        file = self.administrator.gateway.environment["GATEWAY_DATABASE_URL"].partition("://")[2]
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(
                "UPDATE organizations SET product_release = ? WHERE name = ?", (release, self.name)
            )

    def signed_up_by_a_colleague(
        self, service: str, person: Callable[..., Reader]
    ) -> dict[str, Any]:
        """A service that the administrator doesn't administer; Bob Baker, who does."""
        user = self.add("Bob Baker")
        bob = person(user["address"])
        self.associate(user, bob)
        self.sign_up(service, by=bob)
        return user

    def associate(self, user: dict[str, Any], colleague: Reader) -> None:
        """Invite a user, who signs in and accepts."""
        link = self.invite(user)
        colleague.sign_in()
        given = {"token": link.rpartition("/")[2]}
        answer = colleague.ask(ACCEPT, input=given)["acceptInvitation"]
        assert answer["userErrors"] == []

    def add(
        self, name: str, *, role: str = "commerce-services/viewer", **form: Any
    ) -> dict[str, Any]:
        """A user with one role; the account is made from the name."""
        first, _, last = name.partition(" ")
        address = f"{first}.{last}@{self.domain}".lower().replace(" ", "")
        given = {
            "organizationId": self.id,
            "firstName": first,
            "lastName": last,
            "microsoftAccount": address,
            "primaryEmailAddress": address,
            "roles": {"set": [self.roles[role]]},
            **form,
        }
        answer = self.administrator.ask(CREATE, input=given)["createUser"]
        assert answer["userErrors"] == []
        user: dict[str, Any] = answer["user"]
        return {**user, "address": address}

    def add_many(self, number: int) -> None:
        """That many users, called User000 Family000 and so on."""
        for index in range(number):
            self.add(f"User{index:03} Family{index:03}")

    def edit(self, user: dict[str, Any], **changes: Any) -> None:
        """Change a user, as a colleague would from elsewhere."""
        given = {"id": user["id"], "version": user["version"], **changes}
        answer = self.administrator.ask(EDIT, input=given)["editUser"]
        assert answer["userErrors"] == []

    def tell(self, url: str, *actions: str) -> str:
        """Register a webhook; the path of its page."""
        given = {"organizationId": self.id, "url": url, "actions": list(actions)}
        answer = self.administrator.ask(CREATE_WEBHOOK, input=given)["createWebhook"]
        assert answer["userErrors"] == []
        return f"/webhooks?webhook={answer['webhook']['id']}"

    def invite(self, user: dict[str, Any]) -> str:
        """Send an invitation; its link."""
        self.administrator.ask(INVITE, input={"userIds": [user["id"]]})
        return self.administrator.gateway.mailbox.link_for(user["address"])


def new_company(administrator: Reader, **organization: Any) -> Company:
    """Sign the administrator in, and a new organization in the US on AX 2012 R2 up."""
    number = next(NUMBERS)
    administrator.sign_in()
    catalogue = administrator.ask(CATALOGUE)["services"]
    services = {service["code"]: service["id"] for service in catalogue}
    given = {
        "name": f"Contoso {number}",
        "countryOrRegion": "US",
        "productRelease": "AX_2012_R2",
        "firstName": "Alice",
        "lastName": "Archer",
        "primaryEmailAddress": administrator.account,
        **organization,
    }
    service = given.pop("service", "commerce-services")
    answer = administrator.ask(
        SIGN_UP, input={"serviceId": services[service], "newOrganization": given}
    )["signUpForService"]
    assert answer["userErrors"] == []
    return Company(
        administrator=administrator,
        id=answer["subscription"]["organization"]["id"],
        name=given["name"],
        services=services,
        roles={
            f"{service['code']}/{role['code']}": role["id"]
            for service in catalogue
            for role in service["roles"]
        },
    )
