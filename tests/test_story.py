"""The whole story by plain HTTP: real `gateway` processes, OpenID provider, SMTP server, database.

Each step is a function that leaves the story where the next one takes it up.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from gateway.portal_pages import BUILT_PAGE
from tests import documents
from tests.plain_browser import PlainBrowser, two_browsers
from tests.postgres import PostgresServer
from tests.programs import pgbouncer, through
from tests.servers import CLIENT_SECRET, SECRET_KEY, Gateway
from tests.servers import gateway as running_gateway

ALICE = "alice@live.example"
DORA = "dora@live.example"
ANOTHER = "dora@other.example"

WHOLE_USER = """
query WholeUser($id: ID!) {
  user(id: $id) {
    id version status updatedAt lastSignInAt
    roleAssignments { role { code } grantedAt }
    invitation { id status sendCount expiresAt acceptedAt }
  }
}
"""

OWN_PROFILE = """
{
  viewer {
    microsoftAccount
    profiles {
      id isViewer viewerCanEdit status organization { name users { totalCount } }
      selectedRoles { code }
    }
  }
}
"""

numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgres", "pgbouncer"])
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["Story"]:
    """On SQLite one process does all; on PostgreSQL two serve and another delivers the mail.

    They also do so, from the first migration on, through pgbouncer in transaction mode.
    """
    with ExitStack() as stack:
        url = None
        if request.param != "sqlite":
            server: PostgresServer = request.getfixturevalue("engine_server")
            url = server.create_database(f"story_{next(numbers)}")
            if request.param == "pgbouncer":
                url = through(stack.enter_context(pgbouncer(server, tmp_path)), url)
        gateway = stack.enter_context(
            running_gateway(tmp_path)
            if url is None
            else running_gateway(tmp_path, database_url=url, workers=2, delivers_apart=True)
        )
        alice, dora = stack.enter_context(two_browsers(gateway))
        gateway.provider.knows(ALICE, name="Alice Archer")
        gateway.provider.knows(DORA, name="Dora Diaz")
        gateway.provider.knows(ANOTHER, name="Dora at work")
        yield Story(gateway, alice, dora)


@dataclass
class Story:
    """Who takes part, and how far it has come."""

    gateway: Gateway
    alice: PlainBrowser
    dora: PlainBrowser
    services: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    organization: str = ""
    user: dict[str, Any] = field(default_factory=dict)
    """Dora's profile, as Alice saw it last."""
    link: str = ""

    @property
    def token(self) -> str:
        """What the mail's link ends in."""
        return self.link.rpartition("/")[2]

    def edit(self, **form: Any) -> list[str]:
        """Alice edits Dora; the roles that Dora has then."""
        given = {"id": self.user["id"], "version": self.user["version"], **form}
        self.user = self.alice.manage(documents.EDIT_USER, **given)["user"]
        return [role["code"] for role in self.user["selectedRoles"]]


def test_the_whole_story(story: Story) -> None:
    _the_gateway_is_up(story)
    _nobody_is_let_in_without_signing_in(story)
    _alice_signs_up(story)
    _alice_creates_a_user_and_invites_her(story)
    _looking_at_the_link_changes_nothing(story)
    _another_account_is_refused_and_the_link_stays(story)
    _the_named_account_accepts(story)
    _the_link_works_once(story)
    _alice_moves_roles_by_arrows(story)
    _a_user_with_roles_is_not_removed_and_one_without_is(story)
    _the_removed_users_session_is_dead(story)
    _alice_signs_out_for_good(story)
    _every_answer_is_accounted_for(story)
    _no_log_holds_a_secret(story)


def _the_gateway_is_up(story: Story) -> None:
    alive, ready = (story.alice.client.get(path) for path in ("/healthz", "/readyz"))

    assert (alive.status_code, alive.json()) == (HTTPStatus.OK, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (
        HTTPStatus.OK,
        {"status": "ok", "database": "ok", "migrations": "ok"},
    )


def _nobody_is_let_in_without_signing_in(story: Story) -> None:
    answers = {
        path: story.alice.client.get(path).status_code
        for path in (
            "/nowhere",
            "/assets/nowhere.js",
            "/auth/callback?code=made-up-code&state=made-up-state",
        )
    }
    wrong_method = story.alice.client.delete("/graphql")
    form = {"organizationId": "none", **documents.FORM}
    creating = story.alice.post(documents.CREATE_USER, input=form).json()

    assert answers == {
        "/nowhere": 404,
        "/assets/nowhere.js": 404,
        "/auth/callback?code=made-up-code&state=made-up-state": 400,
    }
    assert wrong_method.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert set(wrong_method.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert story.alice.ask("{ viewer { microsoftAccount } }") == {"viewer": None}
    assert [error["extensions"]["code"] for error in creating["errors"]] == ["UNAUTHENTICATED"]


def _alice_signs_up(story: Story) -> None:
    story.alice.sign_in(ALICE)
    catalogue = story.alice.ask(documents.CATALOGUE)["services"]
    story.services = {service["code"]: service["id"] for service in catalogue}
    story.roles = {
        f"{service['code']}/{role['code']}": role["id"]
        for service in catalogue
        for role in service["roles"]
    }
    payload = story.alice.manage(
        documents.SIGN_UP,
        serviceId=story.services["commerce-services"],
        newOrganization=documents.CONTOSO,
    )
    story.organization = payload["user"]["organization"]["id"]

    assert payload["subscription"]["viewerIsServiceAdministrator"]
    assert payload["user"]["microsoftAccount"] == ALICE
    assert payload["user"]["status"] == "ASSOCIATED"


def _alice_creates_a_user_and_invites_her(story: Story) -> None:
    payload = story.alice.manage(
        documents.CREATE_USER,
        organizationId=story.organization,
        **{**documents.FORM, "roles": {"set": [story.roles["commerce-services/viewer"]]}},
    )
    story.user = payload["user"]
    no_mail_yet = not story.gateway.mailbox.server.accepted
    (result,) = story.alice.manage(documents.INVITE_USERS, userIds=[story.user["id"]])["results"]
    story.link = story.gateway.mailbox.link_for("dora@contoso.example")
    story.dora.secrets.add(story.token)

    assert no_mail_yet
    assert result["userErrors"] == []
    assert result["invitation"]["status"] == "PENDING"
    assert story.link == f"{story.gateway.url}/invitations/{story.token}"


def _looking_at_the_link_changes_nothing(story: Story) -> None:
    accept = "mutation($t: String!) { acceptInvitation(input: {token: $t}) { signOutFirst } }"
    before = story.alice.ask(WHOLE_USER, id=story.user["id"])
    preview = story.dora.ask(documents.PREVIEW, token=story.token)
    looks = [
        story.dora.client.request(method, story.link).status_code
        for method in ("GET", "HEAD", "GET", "HEAD", "GET")
    ]
    by_get = story.dora.client.get(
        "/graphql", params={"query": accept, "variables": f'{{"t": "{story.token}"}}'}
    )
    unknown = story.dora.post(documents.ACCEPT_INVITATION, input={"token": story.token}).json()

    assert set(looks) == {HTTPStatus.OK if BUILT_PAGE.is_file() else HTTPStatus.NOT_FOUND}
    assert by_get.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert [error["extensions"]["code"] for error in unknown["errors"]] == ["UNAUTHENTICATED"]
    assert preview["invitationPreview"]["usable"]
    assert story.dora.ask(documents.PREVIEW, token=story.token) == preview
    assert story.alice.ask(WHOLE_USER, id=story.user["id"]) == before


def _another_account_is_refused_and_the_link_stays(story: Story) -> None:
    story.dora.sign_in(ANOTHER, return_to=f"/invitations/{story.token}")
    payload = story.dora.do(documents.ACCEPT_INVITATION, input={"token": story.token})
    own = story.dora.ask(OWN_PROFILE)
    signed_out = story.dora.do(documents.SIGN_OUT)

    assert payload["user"] is None
    assert payload["signOutFirst"]
    assert [error["code"] for error in payload["userErrors"]] == ["MICROSOFT_ACCOUNT_MISMATCH"]
    assert own == {"viewer": {"microsoftAccount": ANOTHER, "profiles": []}}
    assert signed_out["signedOutSessions"] == 1
    assert story.dora.ask(documents.PREVIEW, token=story.token)["invitationPreview"]["usable"]


def _the_named_account_accepts(story: Story) -> None:
    story.dora.sign_in(DORA, return_to=f"/invitations/{story.token}")
    payload = story.dora.manage(documents.ACCEPT_INVITATION, token=story.token)
    own = story.dora.ask(OWN_PROFILE)

    assert payload["user"]["status"] == "ASSOCIATED"
    assert not payload["signOutFirst"]
    assert own["viewer"] == {
        "microsoftAccount": DORA,
        "profiles": [
            {
                "id": story.user["id"],
                "isViewer": True,
                "viewerCanEdit": False,
                "status": "ASSOCIATED",
                "organization": {"name": "Contoso", "users": {"totalCount": 1}},
                "selectedRoles": [{"code": "viewer"}],
            }
        ],
    }


def _the_link_works_once(story: Story) -> None:
    again = story.dora.do(documents.ACCEPT_INVITATION, input={"token": story.token})
    preview = story.dora.ask(documents.PREVIEW, token=story.token)["invitationPreview"]

    assert [error["code"] for error in again["userErrors"]] == ["INVITATION_ACCEPTED"]
    assert not preview["usable"]


def _alice_moves_roles_by_arrows(story: Story) -> None:
    story.user = story.alice.ask(documents.USER, id=story.user["id"])["user"]
    processor = story.roles["commerce-services/order-processor"]
    viewer = story.roles["commerce-services/viewer"]
    service = story.services["commerce-services"]
    steps = [
        story.edit(lastName="Dominguez", roles={"add": [processor]}),
        story.edit(roles={"remove": [viewer]}),
        story.edit(roles={"addAll": [service]}),
        story.edit(roles={"removeAll": [service]}),
        story.edit(roles={"set": [viewer]}),
    ]
    every = [name.partition("/")[2] for name in story.roles if name.startswith("commerce-services")]

    assert steps == [["order-processor", "viewer"], ["order-processor"], every, [], ["viewer"]]
    assert story.user["lastName"] == "Dominguez"
    assert story.dora.ask(OWN_PROFILE)["viewer"]["profiles"][0]["selectedRoles"] == [
        {"code": "viewer"}
    ]


def _a_user_with_roles_is_not_removed_and_one_without_is(story: Story) -> None:
    rows = [{"id": story.user["id"]}]
    (refused,) = story.alice.manage(documents.REMOVE_USERS, users=rows)["results"]
    emptied = story.edit(roles={"set": []})
    (removed,) = story.alice.manage(documents.REMOVE_USERS, users=rows)["results"]

    assert [error["code"] for error in refused["userErrors"]] == ["USER_HAS_ROLES"]
    assert emptied == []
    assert removed == {"removedUserId": story.user["id"], "userErrors": []}
    assert story.alice.ask(documents.USER, id=story.user["id"]) == {"user": None}


def _the_removed_users_session_is_dead(story: Story) -> None:
    response = story.dora.post("{ viewer { microsoftAccount } }")

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def _alice_signs_out_for_good(story: Story) -> None:
    (cookie,) = (c.value for c in story.alice.client.cookies.jar if c.name == "session")
    signed_out = story.alice.do(documents.SIGN_OUT)
    jar_after = [c.name for c in story.alice.client.cookies.jar if c.name == "session"]
    dead = {"cookie": f"session={cookie}"}
    with PlainBrowser(story.gateway, story.alice.secrets) as kept:
        refused = kept.client.post(
            "/graphql", json={"query": "{ viewer { displayName } }"}, headers=dead
        )
        repeated = kept.client.post("/graphql", json={"query": documents.SIGN_OUT}, headers=dead)
    redirect = signed_out["redirectUrl"]
    page = story.alice.client.get(redirect) if redirect else None

    assert signed_out["signedOutSessions"] == 1
    assert redirect is None or redirect.startswith(story.gateway.provider.issuer)
    assert page is None or page.is_success
    assert jar_after == []
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert repeated.status_code == HTTPStatus.OK
    assert repeated.json()["data"]["signOut"]["signedOutSessions"] == 0
    assert story.alice.ask("{ viewer { microsoftAccount } }") == {"viewer": None}


def _every_answer_is_accounted_for(story: Story) -> None:
    """The audit trail tells the story again (rule 42), to Alice once she is back."""
    story.alice.sign_in(ALICE)
    trail = story.alice.ask(documents.AUDIT, id=story.organization)["organization"]["auditEvents"]
    told = [event["action"] for event in reversed(trail["nodes"])]

    assert [action for action in told if action not in {"SIGNED_IN", "SIGNED_OUT"}] == [
        "SERVICE_SIGNED_UP",
        "USER_CREATED",
        "INVITATION_SENT",
        "ASSOCIATION_REFUSED",
        "ACCOUNT_ASSOCIATED",
        *["USER_EDITED"] * 6,
        "USER_REMOVED",
    ]


def _no_log_holds_a_secret(story: Story) -> None:
    secrets = {*story.alice.secrets, story.token, SECRET_KEY, CLIENT_SECRET}
    written = {log.name: log.read_text() for log in story.gateway.logs}
    found = {
        name: [secret for secret in secrets if secret in text] for name, text in written.items()
    }

    assert len(secrets) > 20, "too few to prove anything"
    assert all(len(secret) > 7 for secret in secrets), secrets
    assert found == {name: [] for name in written}
    assert all(text for text in written.values()), "a process that logs nothing proves nothing"
    assert '"level":"error"' not in "".join(written.values())
