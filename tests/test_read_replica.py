"""Queries at a replica of PostgreSQL that follows by streaming, behind two gateways.

What tells the servers apart is a change that the operator makes at the primary by hand, while the
replica is paused: it is seen by who reads from the primary, and by nobody else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from pydantic import SecretStr
from tortoise.connection import get_connection

from gateway.catalog_file import read_catalogue
from gateway.check import check_everything
from gateway.database import connected, migrate, own_connection
from gateway.observers import Observers
from gateway.replica.positions import Lag, primary_position
from gateway.replica.reading import ReadReplica
from gateway.settings import InvalidSettings, Settings, load_settings
from resolvers.caller import Caller
from resolvers.catalogue_changes import apply_catalogue
from schema.nodes import decode_id
from tests import documents, imported, test_webhooks
from tests.people import Gateway, Person, associated
from tests.postgres import PostgresServer, StandbyServer, free_port, postgres_server, standby_server
from tests.programs import pgbouncer, through
from tests.scim import Directory
from tests.servers import environment_for, serving
from tests.test_metrics import samples, total

TOKEN = "a-token-for-prometheus"
WITHIN_S = 10.0
HAMMERS = 4


@dataclass
class Cluster:
    """A database, its replica, and two gateways that read there."""

    primary: PostgresServer
    replica: StandbyServer
    database_url: str
    urls: tuple[str, str]
    logs: tuple[Path, Path]

    def said(self, event: str) -> int:
        """How often the first gateway has logged this."""
        return self.logs[0].read_text().count(f'"{event}"')


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """All of it running, with the shipped catalogue."""
    folder = tmp_path_factory.mktemp("read-replica")
    with ExitStack() as stack:
        primary = stack.enter_context(postgres_server())
        database_url = primary.create_database("gateway")
        asyncio.run(_prepared(database_url))
        replica = stack.enter_context(standby_server(primary))
        urls = (f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}")
        logs = (folder / "here.log", folder / "there.log")
        starting = [
            serving(
                environment_for(
                    url,
                    database_url,
                    GATEWAY_READ_DATABASE_URL=replica.url("gateway"),
                    GATEWAY_METRICS_TOKEN=TOKEN,
                ),
                "--no-mail",
                log=log,
            )
            for url, log in zip(urls, logs, strict=True)
        ]
        with ThreadPoolExecutor() as threads:
            list(threads.map(stack.enter_context, starting))
        yield Cluster(primary, replica, database_url, urls, logs)


async def _prepared(database_url: str) -> None:
    async with connected(database_url):
        await migrate(database_url)
        await apply_catalogue(read_catalogue(None), now=datetime.now(UTC))


@pytest.fixture
async def gateways(cluster: Cluster) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """The two, here and there."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connected(cluster.database_url))
        clients = [httpx2.AsyncClient(base_url=url, trust_env=False) for url in cluster.urls]
        here, there = [
            Gateway(await stack.enter_async_context(client), _now, cluster.database_url)  # type: ignore[arg-type]  # the real clock
            for client in clients
        ]
        yield here, there


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def paused(cluster: Cluster) -> Iterator[Callable[[], Awaitable[None]]]:
    """Lets the replica fall behind, once it holds all that there is, until the test's end."""

    async def pause() -> None:
        await _caught_up(cluster)
        await asyncio.to_thread(cluster.replica.pause)

    yield pause
    cluster.replica.resume()


async def comes_true(condition: Callable[[], Awaitable[Any]]) -> bool:
    """Whether it does in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            while not await condition():  # noqa: ASYNC110 - what happens elsewhere sets no event
                await asyncio.sleep(0.05)
            return True
    return False


async def _caught_up(cluster: Cluster) -> None:
    primary = await own_connection(cluster.database_url)
    replica = await own_connection(cluster.replica.url("gateway"))
    written = await primary.fetchval("SELECT pg_current_wal_flush_lsn()::text")
    held = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
    assert await comes_true(partial(replica.fetchval, held, written))
    await primary.close()
    await replica.close()


def at(gateway: Gateway, person: Person) -> Person:
    """The same browser or program, at another gateway."""
    return Person(gateway, person.account, person.cookie, person.token, person.user)


async def administrator(gateway: Gateway, name: str) -> Person:
    """Who administers an organization of his own."""
    person = await gateway.person(f"{name}@live.example")
    organization = {**documents.CONTOSO, "name": f"{name} and company"}
    payload = await person.sign_up("commerce-services", newOrganization=organization)
    person.user = payload["user"]
    return person


async def rename(cluster: Cluster, person: Person, name: str) -> None:
    """Give someone a first name at the primary, by hand."""
    operator = await own_connection(cluster.database_url)
    id_ = decode_id("User", person.user["id"])
    await operator.execute("UPDATE users SET first_name = $2 WHERE id = $1", id_, name)
    await operator.close()


async def name_of(person: Person) -> str:
    """His own first name, as a query shows it."""
    user = await person.see(person.user)
    assert user is not None
    return str(user["firstName"])


async def comes_to_see(person: Person, name: str) -> bool:
    """Whether his first name comes to be shown like this."""

    async def sees() -> bool:
        return await name_of(person) == name

    return await comes_true(sees)


async def test_a_change_is_read_at_once_by_all_whom_it_concerns_and_others_read_from_the_replica(
    cluster: Cluster, gateways: tuple[Gateway, Gateway], paused: Callable[[], Awaitable[None]]
) -> None:
    here, there = gateways
    alice, mallory = await administrator(here, "alice"), await administrator(here, "mallory")
    contoso = alice.user["organization"]["id"]
    viewer = "commerce-services/viewer"
    bob = await associated(alice, contoso, "bob@live.example", role=viewer, name="Bob Baker")
    program = await alice.program("READ")
    program.user = alice.user
    roles = {"set": [await here.role(viewer)]}
    await paused()
    for each in (alice, bob, mallory):
        await rename(cluster, each, "Newer")
    concerned = [alice, at(there, alice), program, at(there, program), at(there, bob)]
    others = [mallory, at(there, mallory)]
    before = [await comes_to_see(each, each.user["firstName"]) for each in (*concerned, *others)]
    created = await alice.create(contoso, firstName="Fred", roles=roles)
    seen = [await name_of(each) for each in concerned]
    seen_by_others = [await name_of(each) for each in others]
    page = await at(there, program).ask(documents.USERS, organization=contoso)
    found = await Directory(at(there, program)).do("GET", "/Users")
    cluster.replica.resume()
    caught_up = [await comes_to_see(each, "Newer") for each in (*concerned, *others)]

    assert before == [True] * 7, "all read from the replica"
    assert created["userErrors"] == []
    assert seen == ["Newer"] * 5
    assert seen_by_others == [mallory.user["firstName"]] * 2
    assert "Fred" in {node["firstName"] for node in page["users"]["nodes"]}
    assert "Fred" in {each["name"]["givenName"] for each in found["Resources"]}
    assert caught_up == [True] * 7


async def test_what_any_mutation_changed_can_be_read_at_once(
    gateways: tuple[Gateway, Gateway], paused: Callable[[], Awaitable[None]]
) -> None:
    here, there = gateways
    alice = await administrator(here, "anna")
    contoso = alice.user["organization"]["id"]
    bob = await associated(
        alice, contoso, "bert@live.example", role="commerce-services/viewer", name="Bert Baker"
    )
    elsewhere = await here.person("anna@live.example")
    reader = at(there, alice)
    await paused()
    text = imported.file_of(imported.row_of("Dora"))
    started = (await imported.start(alice, contoso, text, "DRY_RUN"))["userImport"]
    seen = await reader.ask(imported.SEEN, id=started["id"])
    webhook = await test_webhooks.registered(alice, contoso)
    webhooks = await test_webhooks.listed(reader, contoso)
    token = await alice.program("READ")
    tokens = (await reader.ask(documents.ACCESS_TOKENS))["viewer"]["accessTokens"]
    await alice.do(documents.REVOKE_ACCESS_TOKEN, id=token.user["id"])
    left = (await reader.ask(documents.ACCESS_TOKENS))["viewer"]["accessTokens"]
    await alice.do(documents.SIGN_OUT, scope="OTHER_SESSIONS")
    sessions = (await reader.ask("{ viewer { sessions { id } } }"))["viewer"]["sessions"]
    refused = await at(there, elsewhere).post(documents.VIEWER)
    shown = await at(there, bob).see(bob.user)
    changed = (await alice.edit(bob.user, roles={"set": []}))["user"]
    edited = await reader.see(bob.user)
    await alice.remove(changed)
    gone = await reader.see(bob.user)
    events = await reader.ask(documents.AUDIT, id=contoso)
    out = await at(there, bob).post(documents.VIEWER)

    assert seen["userImport"]["rowsTotal"] == 1
    assert webhooks == [webhook]
    assert [each["id"] for each in tokens] == [token.user["id"]]
    assert left == []
    assert len(sessions) == 1
    assert refused.status_code == 401
    assert shown == bob.user
    assert edited == changed
    assert gone is None
    assert events["organization"]["auditEvents"]["nodes"][0]["action"] == "USER_REMOVED"
    assert out.status_code == 401, "who asks is told by the primary"


async def test_decisions_for_others_and_invitations_are_read_from_the_primary(
    cluster: Cluster, gateways: tuple[Gateway, Gateway], paused: Callable[[], Awaitable[None]]
) -> None:
    here, _ = gateways
    alice = await administrator(here, "agnes")
    old = alice.user["firstName"]
    services = await here.services()
    asked = {
        "userId": alice.user["id"],
        "serviceId": services["commerce-services"]["id"],
        "action": "catalog:publish",
    }
    await paused()
    await rename(cluster, alice, "Newer")
    is_read_there = await comes_to_see(alice, old)
    decision = (await alice.ask(documents.CHECK_ACCESS, **asked))["checkAccess"]

    assert is_read_there
    assert decision["steps"][0]["detail"] == "Newer Archer is a user of agnes and company."


async def test_no_request_fails_while_the_replica_fails_and_it_is_used_again_afterwards(
    cluster: Cluster, gateways: tuple[Gateway, Gateway]
) -> None:
    here, _ = gateways
    ada = await administrator(here, "ada")
    viewer = await here.role("commerce-services/viewer")
    enough = asyncio.Event()
    answers: list[Any] = []

    async def hammer() -> None:
        while not enough.is_set():
            response = await ada.post(documents.USER, id=ada.user["id"])
            answers.append((response.status_code, response.json().get("errors")))

    async def until_said(event: str, times: int) -> None:
        async def has_said() -> bool:
            return cluster.said(event) >= times

        assert await comes_true(has_said), event

    replica = cluster.replica
    async with asyncio.TaskGroup() as hammers:
        for _ in range(HAMMERS):
            hammers.create_task(hammer())
        left, taken = cluster.said("replica_left"), cluster.said("replica_taken")
        again = cluster.said("read_again")
        await asyncio.to_thread(replica.query, CUT)
        await until_said("replica_taken", taken + 1)
        replica.freeze()
        await until_said("replica_left", left + 2)
        replica.thaw()
        await until_said("replica_taken", taken + 2)
        again = cluster.said("read_again") - again
        await asyncio.to_thread(replica.crash)
        await until_said("replica_left", left + 3)
        was_used, _ = await measured(here)
        ready = await here.client.get("/readyz")
        created = await ada.create(ada.user["organization"]["id"], roles={"set": [viewer]})
        await asyncio.to_thread(replica.start)
        await until_said("replica_taken", taken + 3)
        _, before = await measured(here)
        await asyncio.sleep(0.3)
        is_used, after = await measured(here)
        enough.set()

    assert {each for each in answers if each != (200, None)} == set()
    assert again > 0
    assert ready.status_code == 200
    assert created["userErrors"] == []
    assert after > before > 0
    assert (was_used, is_used) == (0, 1)


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'gateway'"


async def measured(gateway: Gateway) -> tuple[float, float]:
    """Whether the replica is used, and how many queries it has answered."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    found = samples((await gateway.client.get("/metrics", headers=headers)).text)
    of_replica = 'server="replica"'
    return (
        total(found, "gateway_database_in_use", of_replica),
        total(found, "gateway_reads_total", of_replica),
    )


OWN = Settings.model_validate({})
NOBODY = Caller(request_id="test")


async def server_asked() -> bool:
    """Whether it is a replica."""
    (row,) = await get_connection("default").execute_query_dict("SELECT pg_is_in_recovery() AS it")
    return bool(row["it"])


@asynccontextmanager
async def reading(
    cluster: Cluster, url: str, **options: Any
) -> AsyncIterator[tuple[ReadReplica, Caller]]:
    """A replica in this process, and a caller who may read there as soon as it is known."""
    async with connected(cluster.database_url):
        observers = Observers(OWN, open_streams=lambda: 0)
        replica = ReadReplica(SecretStr(url), observers=observers, **options)
        position = await primary_position()
        async with replica.followed():
            yield replica, Caller(request_id="test", last_writers=(position.unfinished - 1,))


async def comes_to_be_read(replica: ReadReplica, caller: Caller) -> bool:
    """Whether something comes to be read at the replica."""
    return await comes_true(partial(replica.read, caller, server_asked))


async def test_it_may_be_behind_pgbouncer(cluster: Cluster, tmp_path: Path) -> None:
    with pgbouncer(cluster.replica, tmp_path) as port:
        url = through(port, cluster.replica.url("gateway"))
        async with reading(cluster, url) as (replica, caller):
            is_read = await comes_to_be_read(replica, caller)
            afterwards = await server_asked()
            found = await findings(cluster, url)

    assert is_read
    assert not afterwards, "what comes next in the same task is the primary's again"
    assert found == ["✓ read replica: follows the database"]


@pytest.mark.parametrize("distance", [0, 5, 2**31 - 2])
async def test_a_transaction_is_not_taken_to_have_ended_before_it_has(
    cluster: Cluster, distance: int
) -> None:
    """They are numbers modulo 2**32; what is not known is not there."""
    operator = await own_connection(cluster.database_url)
    async with reading(cluster, cluster.replica.url("gateway")) as (replica, caller):
        await comes_to_be_read(replica, caller)
        async with operator.transaction():
            # Until it ends, whatever else PostgreSQL does meanwhile comes after it.
            under_way = int(await operator.fetchval("SELECT pg_current_xact_id()"))
            later = Caller(request_id="test", last_writers=((under_way + distance) % 2**32,))
            callers = [caller, later, NOBODY, Caller("test", last_writers=(None, None))]
            read = [await replica.read(each, server_asked) for each in callers]
    await operator.close()

    assert read == [True, None, None, None]


async def test_what_came_after_a_transaction_under_way_is_not_taken_to_be_there_before_its_end(
    cluster: Cluster,
) -> None:
    operator = await own_connection(cluster.database_url)
    async with reading(cluster, cluster.replica.url("gateway")) as (replica, caller):
        async with operator.transaction():
            under_way = int(await operator.fetchval("SELECT pg_current_xact_id()"))
            await asyncio.to_thread(cluster.primary.query, "CREATE TABLE later ()")
            later = Caller(request_id="test", last_writers=(under_way + 1,))
            earlier_is_read = await comes_to_be_read(replica, caller)
            await _caught_up(cluster)
            reads = []
            for _ in range(3):
                reads.append(await replica.read(later, server_asked))
                await asyncio.sleep(0.2)
        later_is_read = await comes_to_be_read(replica, later)
    await operator.close()

    assert (earlier_is_read, reads, later_is_read) == (True, [None] * 3, True)


async def test_a_replica_that_lags_too_much_is_left_until_it_has_caught_up(
    cluster: Cluster, paused: Callable[[], Awaitable[None]]
) -> None:
    url = cluster.replica.url("gateway")
    async with reading(cluster, url, max_lag_s=0.3) as (replica, caller):
        before = await comes_to_be_read(replica, caller)
        await paused()
        await asyncio.to_thread(cluster.primary.query, "CREATE TABLE anything ()")

        async def is_left() -> bool:
            return await replica.read(caller, server_asked) is None

        left = await comes_true(is_left)
        cluster.replica.resume()
        afterwards = await comes_to_be_read(replica, caller)

    assert (before, left, afterwards) == (True, True, True)


@pytest.mark.parametrize("error", [OSError, asyncpg.SerializationError, TimeoutError])
async def test_what_failed_at_the_replica_is_for_the_primary(
    cluster: Cluster, error: type[Exception]
) -> None:
    async def fail() -> bool:
        raise error

    async with reading(cluster, cluster.replica.url("gateway")) as (replica, caller):
        await comes_to_be_read(replica, caller)
        read = await replica.read(caller, fail)
        afterwards = await server_asked()

    assert (read, afterwards) == (None, False)


async def findings(cluster: Cluster, url: str) -> list[str]:
    """What `gateway check` says of a replica."""
    settings = Settings.model_validate(
        {"database_url": cluster.database_url, "read_database_url": url}
    )
    found = await check_everything(settings, now=_now)
    return [str(each) for each in found if "replica" in each.text]


async def test_a_server_that_is_none_is_not_read_from_and_the_check_says_why(
    cluster: Cluster,
) -> None:
    other = "it is a replica of another database than GATEWAY_DATABASE_URL names"
    itself = "it is no replica: it takes changes itself"
    named = {
        cluster.database_url: f"{itself}",
        cluster.replica.url("postgres"): f"{other}",
        cluster.replica.url("gateway").replace(str(cluster.replica.port), "1"): "ConnectionRefused",
    }
    said, read = [], []
    for url in named:
        said += await findings(cluster, url)
        async with reading(cluster, url) as (replica, caller):
            await asyncio.sleep(0.2)
            read.append(await replica.read(caller, server_asked))

    assert read == [None, None, None]
    for line, why in zip(said, named.values(), strict=True):
        assert line.startswith(f"✗ read replica: GATEWAY_READ_DATABASE_URL: {why}")


def test_how_far_a_replica_is_behind_is_told_by_where_the_primary_was() -> None:
    lag = Lag()
    told = [lag.seconds(1)]
    lag.primary_was(100, at=1)
    told.append(lag.seconds(2))
    lag.replica_is(100)
    told.append(lag.seconds(3))
    lag.primary_was(200, at=4)
    lag.primary_was(300, at=5)
    lag.replica_is(200)
    told.append(lag.seconds(9))

    assert told == [None, None, 0, 4]


@pytest.mark.parametrize(
    ("database_url", "read_database_url", "why"),
    [
        ("postgres://a/b", "sqlite://file", "must name PostgreSQL; SQLite needs none"),
        ("postgres://a/b", "mysql://a/b", "must begin with sqlite:// or postgres://"),
        (
            "sqlite://file",
            "postgres://a/b",
            "names a replica; GATEWAY_DATABASE_URL must name its PostgreSQL",
        ),
    ],
)
def test_only_postgresql_has_replicas(
    monkeypatch: pytest.MonkeyPatch, database_url: str, read_database_url: str, why: str
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_READ_DATABASE_URL", read_database_url)

    with pytest.raises(InvalidSettings) as refused:
        load_settings()
    assert str(refused.value) == f"GATEWAY_READ_DATABASE_URL: {why}"
