"""Signing out, the audit trail, and lists: rules 41 to 43."""

from datetime import timedelta
from typing import Any

import pytest

from models.accounts import Session
from models.audit import AuditEvent
from tests import documents
from tests.people import Gateway, Person
from tests.test_rules_sign_up import codes


async def sign_out(person: Person, scope: str = "THIS_SESSION") -> dict[str, Any]:
    """`signOut`."""
    return await person.do(documents.SIGN_OUT, scope=scope)


async def status(person: Person) -> int:
    """What the person's session is answered with."""
    return (await person.post(documents.VIEWER)).status_code


async def test_signing_out_ends_this_session_only(gateway: Gateway, alice: Person) -> None:
    """Rule 41: at once and for good."""
    other = await gateway.person("alice@live.example")

    payload = await sign_out(alice)

    assert payload["signedOutSessions"] == 1
    assert await status(alice) == 401
    assert await status(other) == 200


@pytest.mark.parametrize(
    ("scope", "count", "mine", "others"),
    [("OTHER_SESSIONS", 2, 200, 401), ("ALL_SESSIONS", 3, 401, 401)],
)
async def test_signing_out_of_other_and_all_sessions(
    gateway: Gateway, alice: Person, scope: str, count: int, mine: int, others: int
) -> None:
    """Rule 41."""
    more = [await gateway.person("alice@live.example") for _ in range(2)]
    bob = await gateway.person("bob@live.example")

    payload = await sign_out(alice, scope)

    assert payload["signedOutSessions"] == count
    assert await status(alice) == mine
    assert [await status(person) for person in more] == [others, others]
    assert await status(bob) == 200


async def test_repeating_a_sign_out_succeeds(gateway: Gateway, alice: Person) -> None:
    """Rule 41: with the session that has ended, and with none."""
    await sign_out(alice)

    again, anyone = await sign_out(alice), await sign_out(gateway.anyone())

    assert (again["signedOutSessions"], again["userErrors"]) == (0, [])
    assert (anyone["signedOutSessions"], anyone["userErrors"]) == (0, [])


async def test_signing_out_takes_the_cookie_away(alice: Person) -> None:
    """Rule 41."""
    response = await alice.post(documents.SIGN_OUT)

    cookie = response.headers["set-cookie"]
    assert cookie.startswith("session=")
    assert "Max-Age=0" in cookie
    assert "HttpOnly" in cookie


async def test_signing_out_of_others_keeps_the_cookie(alice: Person) -> None:
    """Rule 41."""
    response = await alice.post(documents.SIGN_OUT, scope="OTHER_SESSIONS")

    assert "set-cookie" not in response.headers


async def test_nothing_signs_out_by_get(gateway: Gateway, alice: Person) -> None:
    """Rule 41."""
    response = await gateway.client.get(
        "/graphql",
        params={"query": "mutation { signOut { signedOutSessions } }"},
        headers={"cookie": f"session={alice.cookie}"},
    )

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert await status(alice) == 200


async def test_answers_are_not_cached(alice: Person) -> None:
    """Rule 41: cached pages show nothing."""
    response = await alice.post(documents.VIEWER)
    page = await alice.gateway.client.get("/", headers={"cookie": f"session={alice.cookie}"})

    assert response.headers["cache-control"] == "no-store"
    assert page.headers["cache-control"] == "no-store"


async def test_a_session_ends_after_its_hours(gateway: Gateway, alice: Person) -> None:
    """Rule 41."""
    gateway.clock.pass_by(timedelta(hours=12))

    assert await status(alice) == 401
    assert await Session.all().count() == 1


async def test_a_viewer_sees_his_own_sessions(gateway: Gateway, alice: Person) -> None:
    """Rule 41."""
    await gateway.person("alice@live.example")
    await gateway.person("bob@live.example")

    viewer = (await alice.ask(documents.VIEWER))["viewer"]

    assert [session["isCurrent"] for session in viewer["sessions"]] == [False, True]
    assert viewer["session"]["client"] == "Firefox on Linux"
    assert viewer["session"]["id"] == viewer["sessions"][1]["id"]


async def test_one_session_elsewhere_can_be_ended(gateway: Gateway, alice: Person) -> None:
    """Rule 41: only this one unless asked."""
    other = await gateway.person("alice@live.example")
    third = await gateway.person("alice@live.example")
    id_ = (await other.ask(documents.VIEWER))["viewer"]["session"]["id"]

    payload = await alice.do(documents.END_SESSION, id=id_)
    again = await alice.do(documents.END_SESSION, id=id_)

    assert payload == {"endedSessionId": id_, "userErrors": []}
    assert again["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
    assert [await status(person) for person in (alice, other, third)] == [200, 401, 200]


async def test_ending_the_session_of_the_request_takes_its_cookie_away(alice: Person) -> None:
    """Rule 41."""
    id_ = (await alice.ask(documents.VIEWER))["viewer"]["session"]["id"]

    response = await alice.post(documents.END_SESSION, id=id_)

    assert "Max-Age=0" in response.headers["set-cookie"]
    assert await status(alice) == 401


async def test_nobody_ends_another_s_session(
    gateway: Gateway, alice: Person, mallory: Person
) -> None:
    """Rules 6 and 41."""
    id_ = (await alice.ask(documents.VIEWER))["viewer"]["session"]["id"]

    payload = await mallory.do(documents.END_SESSION, id=id_)

    assert payload["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
    assert await status(alice) == 200
    assert await gateway.anyone().errors(documents.END_SESSION, id=id_) == ["UNAUTHENTICATED"]


async def trail(person: Person, contoso: str, **filter_: Any) -> list[dict[str, Any]]:
    """Contoso's audit events, oldest first."""
    data = await person.ask(documents.AUDIT, id=contoso, filter=filter_)
    nodes: list[dict[str, Any]] = data["organization"]["auditEvents"]["nodes"]
    return nodes[::-1]


async def test_every_change_is_recorded_with_who_what_before_and_after(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 42."""
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    user = (await alice.create(contoso, roles=roles))["user"]
    edited = (await alice.edit(user, firstName="Theodora", roles={"set": []}))["user"]
    await alice.remove(edited)

    events = await trail(alice, contoso)

    assert [(event["action"], event["outcome"], event["subjectName"]) for event in events] == [
        ("SERVICE_SIGNED_UP", "SUCCEEDED", "Commerce Services"),
        ("USER_CREATED", "SUCCEEDED", "Dora Diaz"),
        ("USER_EDITED", "SUCCEEDED", "Theodora Diaz"),
        ("USER_REMOVED", "SUCCEEDED", "Theodora Diaz"),
    ]
    assert {event["actorName"] for event in events} == {"alice@live.example"}
    assert {event["actor"]["id"] for event in events} == {alice.user["id"]}
    assert events[2]["changes"] == [
        {"field": "firstName", "before": "Dora", "after": "Theodora"},
        {"field": "selectedRoles", "before": "commerce-services/viewer", "after": None},
    ]
    assert [change["field"] for change in events[1]["changes"]] == [
        "firstName",
        "lastName",
        "microsoftAccount",
        "primaryEmailAddress",
        "selectedRoles",
    ]
    assert all(change["after"] is None for change in events[3]["changes"])
    assert [event["subject"] for event in events[1:]] == [None, None, None]


async def test_invitations_and_associations_are_recorded(
    alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 42: an association names the account that is associated."""
    events = await trail(alice, contoso, actions=["INVITATION_SENT", "ACCOUNT_ASSOCIATED"])

    assert [(event["action"], event["actorName"]) for event in events] == [
        ("INVITATION_SENT", "alice@live.example"),
        ("ACCOUNT_ASSOCIATED", "bob@live.example"),
    ]
    assert events[1]["subject"] == events[1]["actor"] == {"id": bob.user["id"]}
    assert events[1]["changes"] == [
        {"field": "associatedAccount", "before": None, "after": "bob@live.example"}
    ]


OPEN_TO_REFUSALS = """
query ($organization: ID!, $user: ID!) {
  organization(id: $organization) { subscriptions { id } }
  user(id: $user) { invitation { id } }
}
"""


async def test_every_refusal_for_lack_of_permission_is_recorded(
    gateway: Gateway, alice: Person, bob: Person, carol: Person, mallory: Person, contoso: str
) -> None:
    """Rule 42: though nothing else of the refused change remains."""
    admin = await gateway.role("commerce-services/service-administrator")
    await bob.create(contoso)
    await bob.edit(bob.user, firstName="Robert")
    await bob.remove(bob.user)
    await bob.invite(bob.user)
    await carol.edit(bob.user, roles={"add": [admin]})
    await mallory.edit(bob.user, firstName="Eve")
    wrong = await gateway.person("eve@live.example")
    await alice.invite((await alice.create(contoso, roles={"add": [admin]}))["user"])
    await wrong.accept((await gateway.tokens())[-1])
    seen = await alice.ask(OPEN_TO_REFUSALS, organization=contoso, user=bob.user["id"])
    (subscription, *_) = seen["organization"]["subscriptions"]
    await mallory.do(documents.DEACTIVATE, id=subscription["id"])
    await bob.do(
        documents.REVOKE_INVITATIONS,
        input={"invitationIds": [seen["user"]["invitation"]["id"]]},
    )
    sites = (await gateway.services())["sites-services"]["id"]
    await mallory.do(documents.SIGN_UP, input={"serviceId": sites, "organizationId": contoso})

    events = await trail(alice, contoso, outcome="DENIED")

    assert [(event["action"], event["actorName"], event["subjectName"]) for event in events] == [
        ("USER_CREATED", "bob@live.example", ""),
        ("USER_EDITED", "bob@live.example", "Bob Baker"),
        ("USER_REMOVED", "bob@live.example", "Bob Baker"),
        ("INVITATION_SENT", "bob@live.example", "Bob Baker"),
        ("USER_EDITED", "carol@live.example", "Bob Baker"),
        ("USER_EDITED", "mallory@live.example", "Bob Baker"),
        ("ASSOCIATION_REFUSED", "eve@live.example", "Dora Diaz"),
        ("SERVICE_DEACTIVATED", "mallory@live.example", "Commerce Services"),
        ("INVITATION_REVOKED", "bob@live.example", "Bob Baker"),
        ("SERVICE_SIGNED_UP", "mallory@live.example", ""),
    ]
    assert [event["service"] and event["service"]["code"] for event in events] == [
        *[None] * 4,
        "commerce-services",
        *[None] * 2,
        "commerce-services",
        None,
        "sites-services",
    ]


async def test_a_refusal_to_move_a_role_tells_which_was_asked_for(
    gateway: Gateway, alice: Person, bob: Person, carol: Person, contoso: str
) -> None:
    """Rule 42, and rule 4 by each form of the selection."""
    commerce = (await gateway.services())["commerce-services"]
    admin = await gateway.role("commerce-services/service-administrator")
    viewer = await gateway.role("commerce-services/viewer")
    for moves in (
        {"add": [admin]},
        {"remove": [viewer]},
        {"addAll": [commerce["id"]]},
        {"removeAll": [commerce["id"]]},
        {"set": [admin]},
    ):
        await carol.edit(bob.user, roles=moves)
    await carol.create(contoso, roles={"add": [admin]})

    events = await trail(alice, contoso, outcome="DENIED")

    held, wanted = "commerce-services/viewer", "commerce-services/service-administrator"
    every = ", ".join(f"commerce-services/{code}" for code in commerce["roles"])
    assert [event["changes"] for event in events] == [
        [{"field": "selectedRoles", "before": before, "after": after}]
        for before, after in (
            (held, f"{wanted}, {held}"),
            (held, None),
            (held, every),
            (held, None),
            (held, wanted),
            (None, wanted),
        )
    ]


async def test_a_refusal_that_names_nothing_known_is_recorded_too(
    gateway: Gateway, mallory: Person
) -> None:
    """Rules 6 and 42: it belongs to no organization, so nobody learns of it by the graph."""
    await mallory.edit({"id": "nonsense", "version": 1}, firstName="Eve")

    (event,) = await gateway.events(outcome="DENIED")
    assert (event.organization_id, event.actor_name) == (None, "mallory@live.example")


async def test_other_refusals_are_not_recorded(alice: Person, bob: Person, contoso: str) -> None:
    """Rule 42: a form with mistakes is no event."""
    before = await AuditEvent.all().count()

    await alice.create(contoso)
    await alice.edit({**bob.user, "version": 0}, firstName="Rob")
    await alice.remove(bob.user)

    assert await AuditEvent.all().count() == before


async def test_an_event_outlives_actor_and_subject(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 42."""
    admin = await gateway.role("commerce-services/service-administrator")
    viewer = await gateway.role("commerce-services/viewer")
    promoted = (await alice.edit(bob.user, roles={"add": [admin]}))["user"]
    created = (await bob.create(contoso, roles={"add": [viewer]}))["user"]
    for user in (promoted, created):
        await alice.edit(user, roles={"set": []})
        await alice.remove(user)

    events = await trail(alice, contoso, actions=["USER_CREATED"])

    assert [(event["actorName"], event["actor"]) for event in events] == [
        ("alice@live.example", {"id": alice.user["id"]}),
        ("bob@live.example", None),
    ]
    assert [event["subjectName"] for event in events] == ["Bob Baker", "Dora Diaz"]


async def test_the_trail_carries_the_request_s_id(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 42: as the answer's header does."""
    response = await alice.post(
        documents.EDIT_USER,
        input={"id": bob.user["id"], "version": bob.user["version"], "firstName": "Rob"},
    )

    (event,) = await gateway.events(action="USER_EDITED")
    assert event.request_id == response.headers["x-request-id"]


async def test_the_trail_can_be_filtered_by_time(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 42."""
    moment = gateway.clock()
    await alice.edit(bob.user, firstName="Rob")

    since = await trail(alice, contoso, since=moment.isoformat())
    until = await trail(alice, contoso, until=moment.isoformat())

    assert [event["action"] for event in since] == ["USER_EDITED"]
    assert "USER_EDITED" not in [event["action"] for event in until]
    assert len(until) >= 4


LISTS = {
    "users": """
      query ($id: ID!, $first: Int) { users(organizationId: $id, first: $first) {
        totalCount pageInfo { hasNextPage hasPreviousPage }
        nodes {
          id isViewer viewerCanEdit organization { name }
          selectedRoles { name service { name } } availableRoles { name }
          roleAssignments { role { name } grantedBy { firstName } grantedAt }
          invitation { status sentBy { firstName } } removalBlockers { code }
        } } }
    """,
    "invitations": """
      query ($id: ID!, $first: Int) { organization(id: $id) { invitations(first: $first) {
        totalCount nodes { id status user { firstName selectedRoles { name } } sentBy { lastName } }
      } } }
    """,
    "audit events": """
      query ($id: ID!, $first: Int) { organization(id: $id) { auditEvents(first: $first) {
        totalCount nodes { action actor { firstName } subject { __typename id } service { name } }
      } } }
    """,
    "subscriptions": """
      query ($id: ID!) { organization(id: $id) { subscriptions {
        service { name roles { name } } availability { available }
        serviceAdministrators { firstName selectedRoles { name } }
      } } }
    """,
}


@pytest.mark.parametrize("name", LISTS)
async def test_the_number_of_queries_of_a_list_does_not_grow_with_its_length(
    gateway: Gateway, alice: Person, contoso: str, statements: list[str], name: str
) -> None:
    """Rule 43."""
    roles = {"addAll": [(await gateway.services())["commerce-services"]["id"]]}
    counts = []
    for number in range(12):
        form = {"microsoftAccount": f"u{number}@live.example", "lastName": f"Number{number}"}
        await alice.invite((await alice.create(contoso, roles=roles, **form))["user"])
        if number == 5 and name == "subscriptions":
            await alice.sign_up("sites-services", organizationId=contoso)
            await alice.sign_up("payment-services", organizationId=contoso)
        if number in {0, 11}:
            statements.clear()
            await alice.ask(LISTS[name], id=contoso, first=50)
            counts.append(len(statements))

    assert counts[0] == counts[1]
    assert 0 < counts[0] <= 12


async def test_a_list_counts_its_whole_only_when_asked(
    alice: Person, bob: Person, contoso: str, statements: list[str]
) -> None:
    """Rule 43."""
    query = "query ($id: ID!) { users(organizationId: $id) { nodes { id } } }"
    assert codes(await alice.edit(bob.user, firstName="Rob")) == []
    statements.clear()

    await alice.ask(query, id=contoso)

    assert statements
    assert not any("COUNT(" in statement for statement in statements)
