"""Webhooks: who may register them, what they are told, and what becomes of what waits."""

from datetime import timedelta
from typing import Any

import pytest

from models.invitations import DeliveryStatus
from models.webhooks import WebhookDelivery
from tests.people import Gateway, Person

WEBHOOK = """
fragment It on Webhook {
  id url actions status detail failingSince createdBy { firstName } organization { name }
  deliveries { totalCount nodes { action status attempts event { action subjectName } } }
}
"""
CREATE = (
    """
mutation ($input: CreateWebhookInput!) {
  createWebhook(input: $input) { webhook { ...It } secret userErrors { code path message } }
}
"""
    + WEBHOOK
)
EDIT = (
    """
mutation ($input: EditWebhookInput!) {
  editWebhook(input: $input) { webhook { ...It } userErrors { code path } }
}
"""
    + WEBHOOK
)
ROTATE = """
mutation ($id: ID!) {
  rotateWebhookSecret(id: $id) { webhook { id } secret userErrors { code path } }
}
"""
REMOVE = "mutation ($id: ID!) { removeWebhook(id: $id) { removedWebhookId userErrors { code } } }"
REPLAY = """
mutation ($input: ReplayWebhookInput!) {
  replayWebhook(input: $input) { queuedDeliveries userErrors { code path } }
}
"""
LIST = "query ($id: ID!) { organization(id: $id) { webhooks { ...It } } }" + WEBHOOK
URL = "https://receiver.example/hook"


async def registered(person: Person, organization_id: str, *actions: str) -> dict[str, Any]:
    """A webhook of these actions, or of all."""
    payload = await create(person, organization_id, actions=list(actions))
    webhook: dict[str, Any] = payload["webhook"]
    return webhook


async def create(person: Person, organization_id: str, **input_: Any) -> dict[str, Any]:
    """`createWebhook`."""
    given = {"organizationId": organization_id, "url": URL, "actions": [], **input_}
    return await person.do(CREATE, input=given)


async def listed(person: Person, organization_id: str) -> list[dict[str, Any]]:
    """The organization's webhooks."""
    data = await person.ask(LIST, id=organization_id)
    webhooks: list[dict[str, Any]] = data["organization"]["webhooks"]
    return webhooks


async def test_an_administrator_registers_a_webhook(alice: Person, contoso: str) -> None:
    payload = await create(alice, contoso, actions=["USER_CREATED", "USER_REMOVED"])

    secret = payload.pop("secret")
    webhook = payload["webhook"]
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 44
    assert payload == {
        "webhook": {
            "id": webhook["id"],
            "url": URL,
            "actions": ["USER_CREATED", "USER_REMOVED"],
            "status": "ENABLED",
            "detail": None,
            "failingSince": None,
            "createdBy": {"firstName": "Alice"},
            "organization": {"name": "Contoso"},
            "deliveries": {"totalCount": 0, "nodes": []},
        },
        "userErrors": [],
    }
    assert await listed(alice, contoso) == [webhook]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "REQUIRED"),
        ("http://receiver.example/", "INVALID"),
        ("https://", "INVALID"),
        ("https://user:password@receiver.example/", "INVALID"),
        ("https://receiver.example/#part", "INVALID"),
        ("https://receiver.example:notaport/", "INVALID"),
        ("https://receiver.example/a b", "INVALID"),
        ("https://bücher.example/", "INVALID"),
        ("ftp://receiver.example/", "INVALID"),
        ("https://receiver.example/" + "a" * 2000, "TOO_LONG"),
    ],
)
async def test_an_address_that_is_none_is_refused(
    alice: Person, contoso: str, url: str, code: str
) -> None:
    payload = await create(alice, contoso, url=url)

    problems = [(each["code"], each["path"]) for each in payload["userErrors"]]
    assert (payload["webhook"], payload["secret"], problems) == (None, None, [(code, ["url"])])


async def test_a_doubled_action_is_refused_where_it_stands(alice: Person, contoso: str) -> None:
    payload = await create(alice, contoso, actions=["SIGNED_IN", "USER_EDITED", "SIGNED_IN"])

    assert [each["path"] for each in payload["userErrors"]] == [["actions", "2"]]


async def test_an_organization_has_twenty_webhooks_at_most(alice: Person, contoso: str) -> None:
    for _ in range(20):
        await registered(alice, contoso)

    payload = await create(alice, contoso)

    assert [each["code"] for each in payload["userErrors"]] == ["INVALID"]
    assert "at most 20" in payload["userErrors"][0]["message"]


async def test_only_administrators_use_webhooks(
    gateway: Gateway, alice: Person, bob: Person, mallory: Person, contoso: str
) -> None:
    webhook = await registered(alice, contoso)
    id_ = webhook["id"]
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "create": (CREATE, {"input": {"organizationId": contoso, "url": URL, "actions": []}}),
        "edit": (EDIT, {"input": {"id": id_, "status": "DISABLED"}}),
        "rotate": (ROTATE, {"id": id_}),
        "remove": (REMOVE, {"id": id_}),
        "replay": (REPLAY, {"input": {"id": id_, "failedSince": "2026-11-01T00:00:00Z"}}),
    }

    codes = {
        (name, who): [each["code"] for each in (await person.do(query, **given))["userErrors"]]
        for name, (query, given) in calls.items()
        for who, person in {"member": bob, "stranger": mallory}.items()
    }
    denied = await gateway.events(outcome="DENIED")

    assert codes == {
        (name, who): ["FORBIDDEN" if who == "member" else "NOT_FOUND"]
        for name in calls
        for who in ("member", "stranger")
    }
    assert len(denied) == len(codes)
    assert await bob.errors(LIST, id=contoso) == ["FORBIDDEN"]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert [(await person.ask(node, id=id_))["node"] for person in (bob, mallory)] == [None, None]
    assert await listed(alice, contoso) == [webhook | {"deliveries": ANY_DELIVERIES}]


class _Any:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict)

    def __hash__(self) -> int:
        return 0


ANY_DELIVERIES = _Any()


async def test_what_happens_is_queued_for_who_wants_it(alice: Person, contoso: str) -> None:
    everything = await registered(alice, contoso)
    some = await registered(alice, contoso, "USER_CREATED")
    none = await registered(alice, contoso, "USER_REMOVED")

    await alice.create(contoso, roles={"set": [await viewer_role(alice)]})

    queued = {
        webhook["id"]: [
            (node["action"], node["status"], node["attempts"], node["event"]["subjectName"])
            for node in webhook["deliveries"]["nodes"]
        ]
        for webhook in await listed(alice, contoso)
    }
    assert queued == {
        everything["id"]: [
            ("USER_CREATED", "QUEUED", 0, "Dora Diaz"),
            ("WEBHOOK_CREATED", "QUEUED", 0, URL),
            ("WEBHOOK_CREATED", "QUEUED", 0, URL),
            ("WEBHOOK_CREATED", "QUEUED", 0, URL),
        ],
        some["id"]: [("USER_CREATED", "QUEUED", 0, "Dora Diaz")],
        none["id"]: [],
    }


async def viewer_role(person: Person) -> str:
    """The id of a plain role."""
    return await person.gateway.role("commerce-services/viewer")


async def test_of_refusals_nobody_is_told(alice: Person, bob: Person, contoso: str) -> None:
    await registered(alice, contoso, "USER_CREATED")

    await alice.create(contoso, firstName="", roles={"set": [await viewer_role(alice)]})
    await bob.create(contoso, roles={"set": [await viewer_role(alice)]})

    assert len(await alice.gateway.events(outcome="DENIED")) == 1
    assert await WebhookDelivery.all().count() == 0


async def test_another_organization_is_told_nothing(
    alice: Person, mallory: Person, contoso: str
) -> None:
    fabrikam = mallory.user["organization"]["id"]
    await registered(mallory, fabrikam, "USER_CREATED")

    await alice.create(contoso, roles={"set": [await viewer_role(alice)]})

    (webhook,) = await listed(mallory, fabrikam)
    assert webhook["deliveries"]["totalCount"] == 0


async def test_disabling_gives_up_what_waits_and_queues_no_more(
    alice: Person, contoso: str
) -> None:
    webhook = await registered(alice, contoso)

    disabled = (await alice.do(EDIT, input={"id": webhook["id"], "status": "DISABLED"}))["webhook"]
    await alice.create(contoso, roles={"set": [await viewer_role(alice)]})

    assert disabled["status"] == "DISABLED"
    assert disabled["detail"] == "A service administrator disabled it."
    (seen,) = await listed(alice, contoso)
    assert [node["status"] for node in seen["deliveries"]["nodes"]] == ["FAILED"]


async def test_enabling_again_begins_anew(alice: Person, contoso: str) -> None:
    webhook = await registered(alice, contoso, "USER_CREATED")
    await alice.do(EDIT, input={"id": webhook["id"], "status": "DISABLED"})

    enabled = (await alice.do(EDIT, input={"id": webhook["id"], "status": "ENABLED"}))["webhook"]
    await alice.create(contoso, roles={"set": [await viewer_role(alice)]})

    assert (enabled["status"], enabled["detail"]) == ("ENABLED", None)
    (seen,) = await listed(alice, contoso)
    assert [node["status"] for node in seen["deliveries"]["nodes"]] == ["QUEUED"]


async def test_an_edit_is_recorded_and_a_void_one_is_not(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    webhook = await registered(alice, contoso, "USER_CREATED")
    other = "https://other.example/"

    for _ in range(2):
        await alice.do(EDIT, input={"id": webhook["id"], "url": other, "actions": []})

    (event,) = await gateway.events(action="WEBHOOK_EDITED")
    assert event.changes == [
        {"field": "url", "before": URL, "after": other},
        {"field": "actions", "before": "USER_CREATED", "after": "all"},
    ]


async def test_rotation_gives_another_secret_and_records_none(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    created = await create(alice, contoso)
    rotated = await alice.do(ROTATE, id=created["webhook"]["id"])

    (event,) = await gateway.events(action="WEBHOOK_EDITED")
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != created["secret"]
    assert event.changes == [{"field": "secret", "before": "previous", "after": "new"}]


async def test_a_removed_webhook_is_gone_with_what_waited(alice: Person, contoso: str) -> None:
    webhook = await registered(alice, contoso)

    removed = await alice.do(REMOVE, id=webhook["id"])
    again = await alice.do(REMOVE, id=webhook["id"])

    assert removed == {"removedWebhookId": webhook["id"], "userErrors": []}
    assert again == {"removedWebhookId": None, "userErrors": [{"code": "NOT_FOUND"}]}
    assert await listed(alice, contoso) == []
    assert await WebhookDelivery.all().count() == 0


async def test_failed_deliveries_are_replayed_since_an_instant(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    webhook = await registered(alice, contoso, "USER_CREATED")
    role = await viewer_role(alice)
    for number in range(3):
        account = f"number{number}@live.example"
        await alice.create(contoso, microsoftAccount=account, roles={"set": [role]})
        gateway.clock.pass_by(timedelta(hours=1))
    await WebhookDelivery.all().update(status=DeliveryStatus.FAILED, attempts=11)
    second = (await WebhookDelivery.all().order_by("created_at"))[1]

    payload = await alice.do(
        REPLAY, input={"id": webhook["id"], "failedSince": second.created_at.isoformat()}
    )

    assert payload == {"queuedDeliveries": 2, "userErrors": []}
    rows = await WebhookDelivery.all().order_by("created_at")
    assert [(row.status, row.attempts) for row in rows] == [
        (DeliveryStatus.FAILED, 11),
        (DeliveryStatus.QUEUED, 0),
        (DeliveryStatus.QUEUED, 0),
    ]


async def test_a_replay_names_one_kind_and_needs_an_enabled_webhook(
    alice: Person, contoso: str
) -> None:
    webhook = await registered(alice, contoso)
    id_ = webhook["id"]
    since = {"failedSince": "2026-11-01T00:00:00Z"}

    neither = await alice.do(REPLAY, input={"id": id_})
    both = await alice.do(REPLAY, input={"id": id_, **since, "deliveryIds": []})
    await alice.do(EDIT, input={"id": id_, "status": "DISABLED"})
    disabled = await alice.do(REPLAY, input={"id": id_, **since})

    refused = {"queuedDeliveries": 0}
    invalid = {"code": "INVALID", "path": ["failedSince"]}
    assert neither == both == {**refused, "userErrors": [invalid]}
    assert disabled == {**refused, "userErrors": [{"code": "INVALID", "path": ["id"]}]}


async def test_a_change_sends_no_further_statement_where_no_webhook_is(
    alice: Person, contoso: str, statements: list[str]
) -> None:
    await alice.create(contoso, roles={"set": [await viewer_role(alice)]})

    assert not [text for text in statements if "webhook_deliveries" in text]
