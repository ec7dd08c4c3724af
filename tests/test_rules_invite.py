"""Invitations and association: rules 24 to 32."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.accounts import Account
from models.invitations import Invitation, OutgoingMail
from models.users import User
from tests import documents
from tests.people import ISSUER, Gateway, Person
from tests.test_rules_sign_up import codes, problems


@pytest.fixture
async def dora(gateway: Gateway, alice: Person, contoso: str) -> dict[str, Any]:
    """A user of Contoso with a role, whom nobody has invited yet."""
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    user: dict[str, Any] = (await alice.create(contoso, roles=roles))["user"]
    return user


async def newest_token(gateway: Gateway) -> str:
    """The token of the newest mail that waits."""
    return (await gateway.tokens())[-1]


async def preview(gateway: Gateway, token: str) -> dict[str, Any]:
    """What someone who is not signed in sees of a link."""
    seen: dict[str, Any] = (await gateway.anyone().ask(documents.PREVIEW, token=token))[
        "invitationPreview"
    ]
    return seen


async def revoke(person: Person, *ids: str) -> dict[str, Any]:
    """`revokeInvitations`."""
    return await person.do(documents.REVOKE_INVITATIONS, input={"invitationIds": list(ids)})


async def test_sending_queues_a_mail_for_each_checked_user(
    alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 24."""
    payload = await alice.invite(dora)

    (result,) = payload["results"]
    assert payload["userErrors"] == result["userErrors"] == []
    assert result["invitation"]["sentTo"] == "dora@contoso.example"
    assert result["invitation"]["sentBy"] == {"id": alice.user["id"]}
    assert (result["invitation"]["status"], result["invitation"]["delivery"]) == (
        "PENDING",
        "QUEUED",
    )
    (mail,) = await OutgoingMail.filter(token__isnull=False)
    assert mail.recipient_address == "dora@contoso.example"
    assert mail.content == {
        "organization_name": "Contoso",
        "service_names": ["Commerce Services"],
        "inviter_name": "Alice Archer",
        "microsoft_account": "dora@live.example",
        "expires_at": mail.give_up_at.isoformat(),
    }
    seen = await alice.see(dora)
    assert seen
    assert seen["status"] == "INVITED"


async def test_the_named_account_completes_the_association(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rules 24 and 25: compared without case; the primary address may differ."""
    await alice.invite(dora)
    person = await gateway.person("DORA@Live.example")

    payload = await person.accept(await newest_token(gateway))

    assert payload["userErrors"] == []
    assert payload["signOutFirst"] is False
    assert payload["user"]["status"] == "ASSOCIATED"
    assert payload["user"]["invitation"]["status"] == "ACCEPTED"
    assert payload["user"]["invitation"]["acceptedAt"] is not None


async def test_another_account_is_refused_and_the_link_stays_good(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 25: even the account of the primary address."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    wrong = await gateway.person("dora@contoso.example")

    refused = await wrong.accept(token)
    right = await (await gateway.person("dora@live.example")).accept(token)

    assert problems(refused) == [("MICROSOFT_ACCOUNT_MISMATCH", ["token"])]
    assert (refused["user"], refused["signOutFirst"]) == (None, True)
    assert "dora@live.example" not in refused["userErrors"][0]["message"]
    assert right["userErrors"] == []


async def test_opening_the_link_changes_nothing(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 26: nor does looking at it."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    before = await Invitation.all().values(), await User.all().order_by("id").values()

    for _ in range(3):
        await gateway.client.get(f"/invitations/{token}")
        await gateway.client.head(f"/invitations/{token}")
        seen = await preview(gateway, token)

    assert seen == {
        "usable": True,
        "organizationName": "Contoso",
        "serviceNames": ["Commerce Services"],
        "maskedMicrosoftAccount": "d•••@live.example",
    }
    assert (await Invitation.all().values(), await User.all().order_by("id").values()) == before


async def test_an_unknown_link_and_a_dead_one_look_alike(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rules 6 and 26."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    await revoke(alice, (await alice.invite(dora))["results"][0]["invitation"]["id"])

    nothing: dict[str, Any] = {
        "usable": False,
        "organizationName": None,
        "serviceNames": [],
        "maskedMicrosoftAccount": None,
    }

    assert await preview(gateway, token) == nothing
    assert await preview(gateway, "nonsense") == nothing
    assert await preview(gateway, "\ud7ff" * 3) == nothing


async def test_a_link_works_once(gateway: Gateway, alice: Person, dora: dict[str, Any]) -> None:
    """Rule 27."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    person = await gateway.person("dora@live.example")

    first, second = await person.accept(token), await person.accept(token)

    assert first["userErrors"] == []
    assert problems(second) == [("INVITATION_ACCEPTED", ["token"])]


async def test_two_acceptances_at_once_give_one_association(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 27."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    people = [await gateway.person("dora@live.example") for _ in range(6)]

    payloads = await asyncio.gather(*(person.accept(token) for person in people))

    assert sorted(codes(payload) for payload in payloads) == [[]] + [["INVITATION_ACCEPTED"]] * 5
    assert len(await gateway.events(action="ACCOUNT_ASSOCIATED", subject_name="Dora Diaz")) == 1


async def test_before_association_there_is_no_access(
    gateway: Gateway, alice: Person, dora: dict[str, Any], contoso: str
) -> None:
    """Rule 27."""
    await alice.invite(dora)
    person = await gateway.person("dora@live.example")

    assert (await person.ask(documents.VIEWER))["viewer"]["profiles"] == []
    assert await person.see(dora) is None
    assert await person.errors(documents.USERS, organization=contoso) == ["FORBIDDEN"]


async def test_resending_replaces_the_link(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 28."""
    first = (await alice.invite(dora))["results"][0]["invitation"]
    old = await newest_token(gateway)
    second = (await alice.invite(dora))["results"][0]["invitation"]
    new = await newest_token(gateway)
    person = await gateway.person("dora@live.example")

    mails = await OutgoingMail.all().count()
    refused, accepted = await person.accept(old), await person.accept(new)

    assert (first["id"], first["sendCount"]) == (second["id"], 1)
    assert second["sendCount"] == 2
    assert problems(refused) == [("INVITATION_INVALID", ["token"])]
    assert accepted["userErrors"] == []
    assert (mails, await OutgoingMail.all().count()) == (1, 0)


async def test_resending_works_for_expired_and_revoked_invitations(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 28."""
    invitation = (await alice.invite(dora))["results"][0]["invitation"]
    gateway.clock.pass_by(timedelta(days=8))
    alice = await gateway.person("alice@live.example")
    expired = await alice.see(dora)
    after_expiry = (await alice.invite(dora))["results"][0]["invitation"]
    await revoke(alice, invitation["id"])
    after_revoking = (await alice.invite(dora))["results"][0]["invitation"]

    payload = await (await gateway.person("dora@live.example")).accept(await newest_token(gateway))

    assert expired
    assert (expired["status"], expired["invitation"]["status"]) == ("INVITED", "EXPIRED")
    assert (after_expiry["status"], after_revoking["status"]) == ("PENDING", "PENDING")
    assert payload["userErrors"] == []


async def test_an_associated_user_is_not_invited_again(alice: Person, bob: Person) -> None:
    """Rule 28."""
    payload = await alice.invite(bob.user)

    assert problems(payload["results"][0]) == [("ALREADY_ASSOCIATED", ["userIds", "0"])]


async def test_a_user_without_roles_is_not_invited(alice: Person, dora: dict[str, Any]) -> None:
    """Rule 28."""
    emptied = (await alice.edit(dora, roles={"set": []}))["user"]

    payload = await alice.invite(emptied)

    assert problems(payload["results"][0]) == [("ROLE_REQUIRED", ["userIds", "0"])]


async def test_revoking_kills_the_link(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 29."""
    invitation = (await alice.invite(dora))["results"][0]["invitation"]
    token = await newest_token(gateway)

    revoked = await revoke(alice, invitation["id"])
    again = await revoke(alice, invitation["id"])
    payload = await (await gateway.person("dora@live.example")).accept(token)

    assert revoked["results"] == again["results"]
    assert revoked["results"][0]["invitation"]["status"] == "REVOKED"
    assert problems(payload) == [("INVITATION_REVOKED", ["token"])]
    assert await gateway.tokens() == []


async def test_an_accepted_invitation_is_not_revoked(alice: Person, bob: Person) -> None:
    """Rule 29."""
    payload = await revoke(alice, bob.user["invitation"]["id"])

    assert problems(payload["results"][0]) == [("INVITATION_ACCEPTED", ["invitationIds", "0"])]


async def test_removing_the_user_kills_the_link(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 29."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    await alice.edit(dora, roles={"set": []})
    await alice.remove(dora)

    payload = await (await gateway.person("dora@live.example")).accept(token)

    assert problems(payload) == [("INVITATION_INVALID", ["token"])]
    assert await gateway.tokens() == []


async def test_changing_the_primary_address_kills_the_link(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 29: SUPERSEDED; changing the name does not."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    renamed = (await alice.edit(dora, firstName="Theodora"))["user"]
    moved = (await alice.edit(renamed, primaryEmailAddress="d@contoso.example"))["user"]

    payload = await (await gateway.person("dora@live.example")).accept(token)
    anew = (await alice.invite(moved))["results"][0]["invitation"]

    assert renamed["invitation"]["status"] == "PENDING"
    assert moved["invitation"]["status"] == "SUPERSEDED"
    assert problems(payload) == [("INVITATION_INVALID", ["token"])]
    assert (anew["status"], anew["sentTo"]) == ("PENDING", "d@contoso.example")
    assert anew["id"] != moved["invitation"]["id"]


async def test_each_refusal_names_its_own_row(
    alice: Person, bob: Person, dora: dict[str, Any]
) -> None:
    """Rule 31: also of ids that are none, and of one that is there twice."""
    ids = [dora["id"], "nonsense", bob.user["id"], "nothing", bob.user["id"]]
    results = (await alice.do(documents.INVITE_USERS, input={"userIds": ids}))["results"]

    assert [
        [(error["code"], error["path"]) for error in each["userErrors"]] for each in results
    ] == [
        [],
        [("NOT_FOUND", ["userIds", "1"])],
        [("ALREADY_ASSOCIATED", ["userIds", "2"])],
        [("NOT_FOUND", ["userIds", "3"])],
        [("ALREADY_ASSOCIATED", ["userIds", "4"])],
    ]


async def test_writing_the_same_address_otherwise_keeps_the_link(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 29: addresses are compared case-insensitively, so this is no other one."""
    await alice.invite(dora)
    typed = dora["primaryEmailAddress"].upper()
    edited = (await alice.edit(dora, primaryEmailAddress=typed))["user"]

    payload = await (await gateway.person("dora@live.example")).accept(await newest_token(gateway))

    assert (edited["primaryEmailAddress"], edited["invitation"]["status"]) == (typed, "PENDING")
    assert problems(payload) == []


async def test_links_expire_after_seven_days(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 30."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    (invitation,) = await Invitation.all()
    gateway.clock.pass_by(timedelta(days=7) - timedelta(seconds=1))
    usable = await preview(gateway, token)
    gateway.clock.pass_by(timedelta(seconds=2))

    payload = await (await gateway.person("dora@live.example")).accept(token)

    assert invitation.expires_at - invitation.created_at == timedelta(days=7)
    assert usable["usable"] is True
    assert problems(payload) == [("INVITATION_EXPIRED", ["token"])]


async def test_inviting_many_gives_a_result_per_user(
    gateway: Gateway, alice: Person, bob: Person, mallory: Person, dora: dict[str, Any]
) -> None:
    """Rule 31: in the order of the input; good rows are done whatever the others are."""
    payload = await alice.invite(bob.user, dora, mallory.user, {"id": "nonsense"}, dora)

    assert [codes(row) for row in payload["results"]] == [
        ["ALREADY_ASSOCIATED"],
        [],
        ["NOT_FOUND"],
        ["NOT_FOUND"],
        [],
    ]
    assert payload["results"][1]["invitation"] == payload["results"][4]["invitation"]
    assert len(await gateway.tokens()) == 1


async def test_inviting_many_takes_the_statements_of_inviting_one(
    gateway: Gateway, alice: Person, contoso: str, statements: list[str]
) -> None:
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    users = [
        (await alice.create(contoso, roles=roles, microsoftAccount=f"dora{n}@live.example"))["user"]
        for n in range(12)
    ]
    counts = []
    for invited in (users[:1], users[1:]):
        statements.clear()
        payload = await alice.invite(*invited)
        counts.append((len(statements), len([each for each in payload["results"] if each])))

    # What is written row by row is sent at once, and logged as one statement.
    assert counts == [(counts[0][0], 1), (counts[0][0], 11)]


async def test_issuer_and_subject_are_what_an_association_holds(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 32: later sign-ins match by them alone, never by e-mail."""
    await alice.invite(dora)
    token = await newest_token(gateway)
    person = await gateway.person("dora@live.example", subject="subject-1")
    await person.accept(token)

    renamed = await gateway.person("theodora@live.example", subject="subject-1")
    impostor = await gateway.person("dora@live.example", subject="subject-2")

    account = await Account.get(subject="subject-1")
    assert (account.issuer, account.microsoft_account) == (ISSUER, "theodora@live.example")
    assert len((await renamed.ask(documents.VIEWER))["viewer"]["profiles"]) == 1
    assert (await impostor.ask(documents.VIEWER))["viewer"]["profiles"] == []
    assert await impostor.see(dora) is None


async def test_one_account_has_one_profile_in_an_organization(
    gateway: Gateway, alice: Person, dora: dict[str, Any], contoso: str
) -> None:
    """Rule 32: also when the provider gives the person another address."""
    await alice.invite(dora)
    person = await gateway.person("dora@live.example", subject="subject-1")
    await person.accept(await newest_token(gateway))
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    second = await alice.create(contoso, microsoftAccount="theodora@live.example", roles=roles)
    await alice.invite(second["user"])
    renamed = await gateway.person("theodora@live.example", subject="subject-1")

    payload = await renamed.accept(await newest_token(gateway))

    assert problems(payload) == [("ALREADY_ASSOCIATED", ["token"])]


async def test_who_may_not_invite_may_not_revoke(
    alice: Person, bob: Person, mallory: Person, dora: dict[str, Any]
) -> None:
    """Rules 3 and 6."""
    id_ = (await alice.invite(dora))["results"][0]["invitation"]["id"]

    payloads = [await revoke(person, id_) for person in (bob, mallory)]

    assert [codes(payload["results"][0]) for payload in payloads] == [["NOT_FOUND"]] * 2
    assert problems(await revoke(alice)) == [("REQUIRED", ["invitationIds"])]
