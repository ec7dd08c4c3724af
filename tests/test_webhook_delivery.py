"""The delivery of webhooks: to a real HTTPS server, signed, at least once, and never inwards."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.connection import get_connection

from gateway.settings import Settings
from gateway.webhooks.delivery import PAUSES, Messenger, Pace, tell_forever
from gateway.webhooks.message import EVENT_TYPES, signed_headers
from gateway.webhooks.receiver import GuardedNetwork, Receivers, Unreachable, is_public
from models.audit import AuditAction
from models.webhooks import Webhook, WebhookDelivery
from tests.people import BEGINNING, Gateway, Person
from tests.test_webhooks import EDIT, REPLAY, ROTATE, create, listed, viewer_role
from tests.webhook_receiver import Receiver, receiving

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]


@pytest.fixture
async def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A receiver whose certificate this process trusts."""
    async with receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        yield running


@pytest.fixture
async def messenger(gateway: Gateway, receiver: Receiver) -> AsyncIterator[Messenger]:
    """Tells webhooks on this machine too."""
    del receiver  # its certificate is trusted from here on
    async with Receivers(allowed=LOOPBACK) as receivers:
        yield Messenger(receivers, gateway.clock)


async def tell(messenger: Messenger) -> int:
    """Claim and deliver all that is due now; how many webhooks that were."""
    count = 0
    until = asyncio.get_running_loop().time() + 60
    while webhook := await messenger.claim():
        await messenger.deliver(webhook, stop=asyncio.Event(), until=until)
        count += 1
    return count


async def days_later(person: Person, **duration: float) -> None:
    """Let time go by, and sign in again, since the session has ended meanwhile."""
    person.gateway.clock.pass_by(timedelta(**duration))
    person.cookie = (await person.gateway.person(person.account)).cookie


async def told_of(
    person: Person, organization_id: str, receiver: Receiver, *actions: str
) -> dict[str, Any]:
    """`createWebhook` for the receiver: the payload."""
    return await create(person, organization_id, url=receiver.url, actions=list(actions))


async def add(person: Person, organization_id: str, name: str = "dora") -> None:
    """Create a user."""
    await person.create(
        organization_id,
        microsoftAccount=f"{name}@live.example",
        roles={"set": [await viewer_role(person)]},
    )


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """What Standard Webhooks says that the signature is, worked out apart."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


async def test_the_receiver_is_told_what_happened(
    alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    payload = await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)

    assert await tell(messenger) == 1
    (message,) = receiver.messages
    (webhook,) = await listed(alice, contoso)
    (delivery,) = await WebhookDelivery.all()
    content = message.json
    (event,) = await alice.gateway.events(action="USER_CREATED")
    data = content.pop("data")
    assert isinstance(data, dict)
    assert content == {
        "type": "user.created",
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert {name: data[name] for name in ("action", "outcome", "actorName", "subjectName")} == {
        "action": "USER_CREATED",
        "outcome": "SUCCEEDED",
        "actorName": "alice@live.example",
        "subjectName": "Dora Diaz",
    }
    assert data["organizationId"] == contoso
    assert (await alice.ask("query ($id: ID!) { node(id: $id) { id } }", id=data["subjectId"]))[
        "node"
    ] == {"id": data["subjectId"]}
    assert message.headers["webhook-id"] == str(delivery.id)
    assert message.headers["content-type"] == "application/json"
    assert message.headers["webhook-signature"] == signature(
        payload["secret"], message.headers, message.body
    )
    assert [node["status"] for node in webhook["deliveries"]["nodes"]] == ["SENT"]
    assert await tell(messenger) == 0


def test_the_signature_is_standard_webhooks_own() -> None:
    # The example of the specification's reference implementation.
    headers = signed_headers(
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        now=BEGINNING.fromtimestamp(1614265330, tz=BEGINNING.tzinfo),
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_action_has_a_type_of_its_own() -> None:
    assert set(EVENT_TYPES) == set(AuditAction)
    assert len(set(EVENT_TYPES.values())) == len(EVENT_TYPES)


async def test_events_arrive_in_order_through_one_connection(
    alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    await told_of(alice, contoso, receiver, "USER_CREATED")
    for number in range(60):
        await add(alice, contoso, f"number{number}")

    assert await tell(messenger) == 2
    sequences = [message.json["data"]["sequence"] for message in receiver.messages]  # type: ignore[index]  # an object
    assert len(sequences) == 60
    assert sequences == sorted(sequences)


async def test_a_failure_is_tried_again_under_the_same_id(
    gateway: Gateway, alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    receiver.answers = [500, 301]
    await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)

    seen = []
    for _ in range(3):
        await tell(messenger)
        (webhook,) = await listed(alice, contoso)
        (node,) = webhook["deliveries"]["nodes"]
        seen.append((node["status"], node["attempts"], webhook["detail"]))
        gateway.clock.pass_by(timedelta(minutes=2))

    assert seen == [
        ("QUEUED", 1, "The receiver answered 500."),
        ("QUEUED", 2, "The receiver answered 301."),
        ("SENT", 3, None),
    ]
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert len({message.body for message in receiver.messages}) == 1
    assert (await Webhook.get()).failing_since is None


async def test_a_message_is_given_up_after_the_last_pause_and_can_be_replayed(
    gateway: Gateway, alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    receiver.answers = [500] * (len(PAUSES) + 1)
    payload = await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)
    for _ in range(len(PAUSES) + 1):
        await tell(messenger)
        await days_later(alice, hours=30)
        await Webhook.all().update(failing_since=gateway.clock())  # not for days

    (webhook,) = await listed(alice, contoso)
    given_up = [(node["status"], node["attempts"]) for node in webhook["deliveries"]["nodes"]]
    since = {"id": payload["webhook"]["id"], "failedSince": "2026-11-01T00:00:00Z"}
    replayed = await alice.do(REPLAY, input=since)
    await tell(messenger)

    assert given_up == [("FAILED", len(PAUSES) + 1)]
    assert replayed == {"queuedDeliveries": 1, "userErrors": []}
    (webhook,) = await listed(alice, contoso)
    assert [node["status"] for node in webhook["deliveries"]["nodes"]] == ["SENT"]
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1


async def test_retry_after_is_heeded(
    gateway: Gateway, alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    receiver.answers, receiver.headers = [503], {"retry-after": "3600"}
    await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)
    await tell(messenger)

    gateway.clock.pass_by(timedelta(minutes=59))
    early = await tell(messenger)
    gateway.clock.pass_by(timedelta(minutes=2))
    late = await tell(messenger)

    assert (early, late, len(receiver.messages)) == (0, 1, 2)


async def test_a_receiver_that_is_gone_disables_the_webhook(
    gateway: Gateway, alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    receiver.answers = [410]
    await told_of(alice, contoso, receiver, "USER_CREATED")
    for name in ("dora", "eve"):
        await add(alice, contoso, name)
    await tell(messenger)

    (webhook,) = await listed(alice, contoso)
    (event,) = await gateway.events(action="WEBHOOK_DISABLED")
    assert (webhook["status"], webhook["detail"]) == (
        "DISABLED",
        "Disabled: the receiver answered 410 Gone.",
    )
    assert {node["status"] for node in webhook["deliveries"]["nodes"]} == {"FAILED"}
    assert (event.actor_name, event.subject_name) == ("the gateway", receiver.url)
    assert len(receiver.messages) == 1


async def test_a_receiver_that_fails_for_five_days_is_told_no_more(
    alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    receiver.answers = [500] * 100
    await told_of(alice, contoso, receiver, "USER_CREATED")
    days = 0
    for days in range(8):
        await add(alice, contoso, f"day{days}")
        await tell(messenger)
        if (await Webhook.get()).status == "DISABLED":
            break
        await days_later(alice, days=1)

    assert days == 5
    (webhook,) = await listed(alice, contoso)
    assert webhook["detail"].startswith("Disabled: the receiver has failed for 5 days.")


async def test_a_receiver_that_is_away_is_left_alone_longer_each_time(
    gateway: Gateway, alice: Person, contoso: str, messenger: Messenger
) -> None:
    await create(alice, contoso, url="https://localhost:1/", actions=["USER_CREATED"])
    for name in ("dora", "eve"):
        await add(alice, contoso, name)
    await tell(messenger)

    first = [(row.attempts, row.detail) for row in await WebhookDelivery.all().order_by("id")]
    webhook = await Webhook.get()
    assert first == [(1, "The receiver refuses connections."), (0, None)]
    assert webhook.due_at is not None
    assert webhook.due_at - gateway.clock() > timedelta(seconds=4)


async def test_secrets_overlap_for_a_day(
    alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    created = await told_of(alice, contoso, receiver, "USER_CREATED")
    rotated = await alice.do(ROTATE, id=created["webhook"]["id"])
    for hours in (0, 25):
        await days_later(alice, hours=hours)
        await add(alice, contoso, f"after{hours}")
        await tell(messenger)

    secrets = [rotated["secret"], created["secret"]]
    both, one = receiver.messages
    assert both.headers["webhook-signature"].split(" ") == [
        signature(secret, both.headers, both.body) for secret in secrets
    ]
    assert one.headers["webhook-signature"] == signature(secrets[0], one.headers, one.body)


async def test_two_processes_never_tell_one_receiver_at_once(
    gateway: Gateway, alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)

    claims = await asyncio.gather(*(messenger.claim() for _ in range(5)))
    held = [claim for claim in claims if claim]
    gateway.clock.pass_by(timedelta(minutes=6))  # who held it was killed
    again = await tell(messenger)

    assert (len(held), again, len(receiver.messages)) == (1, 1, 1)


async def test_a_claim_that_was_lost_writes_nothing(
    gateway: Gateway, alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    receiver.answers = [500]
    await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)
    claimed = await messenger.claim()
    assert claimed
    gateway.clock.pass_by(timedelta(minutes=6))
    other = await messenger.claim()
    assert other

    until = asyncio.get_running_loop().time() + 60
    await messenger.deliver(claimed, stop=asyncio.Event(), until=until)
    (delivery,) = await WebhookDelivery.all()
    before = delivery.attempts
    await messenger.deliver(other, stop=asyncio.Event(), until=until)

    assert before == 0
    assert len(receiver.messages) == 2
    assert [row.status for row in await WebhookDelivery.all()] == ["SENT"]


async def test_what_commits_while_a_claim_ends_is_not_forgotten(
    alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    await told_of(alice, contoso, receiver, "USER_CREATED")
    await add(alice, contoso)
    names = [f"number{number}" for number in range(15)]

    async def adding() -> None:
        for name in names:
            await add(alice, contoso, name)

    async def telling() -> None:
        for _ in range(60):
            await tell(messenger)
            await asyncio.sleep(0.01)

    await asyncio.gather(adding(), telling())
    await tell(messenger)

    assert len(receiver.messages) == 16
    assert await Webhook.filter(due_at__isnull=True).count() == 1


async def test_a_disabled_webhook_is_not_told_what_was_claimed_before(
    alice: Person, contoso: str, receiver: Receiver, messenger: Messenger
) -> None:
    created = await told_of(alice, contoso, receiver, "USER_CREATED")
    for name in ("dora", "eve"):
        await add(alice, contoso, name)
    claimed = await messenger.claim()
    assert claimed
    await alice.do(EDIT, input={"id": created["webhook"]["id"], "status": "DISABLED"})

    until = asyncio.get_running_loop().time() + 60
    await messenger.deliver(claimed, stop=asyncio.Event(), until=until)

    assert len(receiver.messages) == 1  # the one in hand; then the claim is seen to be lost
    (webhook,) = await listed(alice, contoso)
    assert [node["status"] for node in webhook["deliveries"]["nodes"]] == ["FAILED", "FAILED"]


async def test_the_service_tells_at_once_and_stops_when_told(
    gateway: Gateway,
    alice: Person,
    contoso: str,
    receiver: Receiver,
    oidc_settings: dict[str, str],
) -> None:
    settings = Settings.model_validate(
        {
            "database_url": gateway.database_url,
            "webhook_networks": "127.0.0.0/8 ::1",
            **oidc_settings,
        }
    )
    stop, wake = asyncio.Event(), asyncio.Event()
    telling = asyncio.create_task(
        tell_forever(settings, now=gateway.clock, stop=stop, wake=wake, pace=Pace(poll_s=30))
    )
    await told_of(alice, contoso, receiver, "USER_CREATED")
    await asyncio.sleep(0.1)
    await add(alice, contoso)
    wake.set()
    async with asyncio.timeout(10):
        await receiver.came.wait()
        stop.set()
        await telling

    assert len(receiver.messages) == 1
    assert get_connection("default") is not None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::1",
        "64:ff9b::7f00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_nothing_is_sent_inwards_however_it_is_written(host: str, receiver: Receiver) -> None:
    port = receiver.url.rsplit(":", 1)[1].split("/")[0]
    async with Receivers(allowed=[]) as receivers:
        with pytest.raises(Unreachable) as problem:
            await receivers.post(f"https://{host}:{port}/hook", b"{}", {})

    assert str(problem.value) == "The address leads into a private network."
    assert receiver.messages == []


async def test_one_private_address_among_others_is_enough_to_refuse() -> None:
    network = GuardedNetwork([ipaddress.ip_network("127.0.0.1/32")])

    with pytest.raises(Unreachable):
        await network.connect_tcp("169.254.169.254", 443)


async def test_a_certificate_of_nobody_we_trust_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with Receivers(allowed=LOOPBACK) as receivers:
        with pytest.raises(Unreachable) as problem:
            await receivers.post(receiver.url, b"{}", {})

    assert str(problem.value).startswith("The receiver's certificate is not valid")
    assert receiver.messages == []


async def test_a_receiver_that_hangs_is_given_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.webhooks.receiver.ANSWER_S", 0.3)
    receiver.hangs = True
    async with Receivers(allowed=LOOPBACK) as receivers:
        with pytest.raises(Unreachable) as problem:
            await receivers.post(receiver.url, b"{}", {})

    assert str(problem.value) == "The receiver took too long."
