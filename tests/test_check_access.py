"""`checkAccess`: may a user do an action of a service, and by which rules."""

from typing import Any

from models.organizations import Organization, ProductRelease
from schema.nodes import encode_id
from tests import documents
from tests.people import Gateway, Person
from tests.world import UNKNOWN_KEY

DECISION = "fragment Decision on AccessDecision { allowed steps { rule passed detail } }"
RULES = ["user", "association", "subscription", "active", "availability", "role", "action"]


async def check(
    person: Person, user: str, service: str, action: str = "order:read"
) -> dict[str, Any]:
    services = await person.gateway.services()
    known = services.get(service, {"id": service})
    data = await person.ask(
        documents.CHECK_ACCESS, userId=user, serviceId=known["id"], action=action
    )
    decision: dict[str, Any] = data["checkAccess"]
    return decision


def broken(decision: dict[str, Any]) -> dict[str, str]:
    """The rules that are not kept, with what is said of them."""
    return {step["rule"]: step["detail"] for step in decision["steps"] if not step["passed"]}


async def test_a_role_of_an_associated_user_allows_its_actions_by_rules_in_order(
    alice: Person, bob: Person
) -> None:
    """Rule 2."""
    assert await check(alice, bob.user["id"], "commerce-services") == {
        "allowed": True,
        "steps": [
            {"rule": rule, "passed": True, "detail": detail}
            for rule, detail in [
                ("user", "Bob Baker is a user of Contoso."),
                ("association", "The Microsoft account of Bob Baker is associated."),
                ("subscription", "Contoso has signed up for Commerce Services."),
                ("active", "The subscription of Commerce Services is active."),
                ("availability", "Commerce Services is available to Contoso."),
                ("role", "Bob Baker holds Viewer of Commerce Services."),
                ("action", "order:read is authorized by Viewer."),
            ]
        ],
    }


async def test_an_action_of_other_roles_is_refused_and_they_are_named(
    alice: Person, bob: Person
) -> None:
    decision = await check(alice, bob.user["id"], "commerce-services", "order:process")

    assert decision["allowed"] is False
    assert [step["rule"] for step in decision["steps"]] == RULES
    assert broken(decision) == {
        "action": "order:process is authorized by Service administrator, Order processor, of which "
        "Bob Baker holds none."
    }


async def test_an_unknown_action_is_refused_and_quoted_shortly(alice: Person) -> None:
    decisions = [
        await check(alice, alice.user["id"], "commerce-services", action)
        for action in ("order:burn", "", "x" * 10_000)
    ]

    assert [broken(decision) for decision in decisions] == [
        {"action": f"{quoted} is no action of Commerce Services: no role of it authorizes that."}
        for quoted in ("order:burn", "", "x" * 100 + "…")
    ]


async def test_a_service_without_sign_up_is_refused_by_each_rule_that_it_breaks(
    alice: Person, bob: Person
) -> None:
    decision = await check(alice, bob.user["id"], "sites-services", "site:read")

    assert broken(decision) == {
        "subscription": "Contoso has not signed up for Sites Services.",
        "active": "The subscription of Sites Services is not there.",
        "role": "Bob Baker holds no role of Sites Services.",
        "action": "site:read is authorized by Sites Administrators, Sites Users, of which Bob "
        "Baker holds none.",
    }


async def test_nobody_may_do_anything_before_associating(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 27."""
    viewer = await gateway.role("commerce-services/viewer")
    dora = (await alice.create(contoso, roles={"set": [viewer]}))["user"]

    assert broken(await check(alice, dora["id"], "commerce-services")) == {
        "association": "Dora Diaz has not accepted an invitation: no account is associated."
    }


async def test_a_deactivated_subscription_refuses(alice: Person, bob: Person, contoso: str) -> None:
    """Rule 14."""
    data = await alice.ask(documents.ORGANIZATION, id=contoso)
    (subscription,) = data["organization"]["subscriptions"]
    await alice.do(documents.DEACTIVATE, id=subscription["id"])

    assert broken(await check(alice, bob.user["id"], "commerce-services")) == {
        "active": "The subscription of Commerce Services is deactivated."
    }


async def test_a_release_without_the_feature_refuses(alice: Person, bob: Person) -> None:
    """Rule 11."""
    await Organization.filter(name="Contoso").update(product_release=ProductRelease.AX_2012_R3)

    assert broken(await check(alice, bob.user["id"], "commerce-services")) == {
        "availability": "Commerce Services is not available if Microsoft Dynamics AX 2012 R3 is "
        "installed."
    }


async def test_administrators_of_the_organization_and_the_user_may_ask_and_nobody_else(
    alice: Person, bob: Person, carol: Person, mallory: Person
) -> None:
    """Rule 6: who may not see the user is answered as if there were none."""
    unknown = encode_id("User", UNKNOWN_KEY)
    allowed = [
        (await check(person, bob.user["id"], "commerce-services"))["allowed"]
        for person in (alice, bob, carol, await alice.program("READ"))
    ]
    refused = [
        await check(person, user, "commerce-services")
        for person, user in (
            (mallory, bob.user["id"]),
            (bob, alice.user["id"]),
            (alice, unknown),
            (alice, "nonsense"),
        )
    ]

    assert allowed == [True] * 4
    no_user = {
        "rule": "user",
        "passed": False,
        "detail": "No user has this id, or you may not see him.",
    }
    assert refused == [{"allowed": False, "steps": [no_user]}] * 4


async def test_an_unknown_service_is_refused(alice: Person, bob: Person) -> None:
    decision = await check(alice, bob.user["id"], "nonsense")

    assert [(step["rule"], step["passed"]) for step in decision["steps"]] == [
        ("user", True),
        ("service", False),
    ]
    assert broken(decision) == {"service": "No service has this id."}


async def test_asking_needs_a_sign_in_and_a_token_read(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    service = (await gateway.services())["commerce-services"]["id"]
    given = {"userId": bob.user["id"], "serviceId": service, "action": "order:read"}
    codes = [
        await person.errors(documents.CHECK_ACCESS, **given)
        for person in (gateway.anyone(), await alice.program("MANAGE_USERS", "READ_AUDIT"))
    ]

    assert codes == [["UNAUTHENTICATED"], ["FORBIDDEN"]]


async def test_fifty_decisions_take_the_statements_of_one(
    gateway: Gateway, alice: Person, contoso: str, statements: list[str]
) -> None:
    """Rule 43."""
    viewer = await gateway.role("commerce-services/viewer")
    services = [service["id"] for service in (await gateway.services()).values()]
    users = []
    for number in range(25):
        account = f"u{number}@live.example"
        made = await alice.create(contoso, microsoftAccount=account, roles={"set": [viewer]})
        users.append(made["user"]["id"])
    counts = []
    for number in (1, 50):
        asked = " ".join(
            f'a{n}: checkAccess(userId: "{users[n % len(users)]}", '
            f'serviceId: "{services[n % len(services)]}", action: "a:{n}") '
            "{ ...Decision }"
            for n in range(number)
        )
        statements.clear()
        data = await alice.ask(f"{{ {asked} }} {DECISION}")
        counts.append((len(data), len(statements)))

    assert counts == [(1, 2), (50, 2)]
