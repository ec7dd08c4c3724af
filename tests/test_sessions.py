import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.database import connected
from models.accounts import Account, Session
from models.audit import AuditAction, AuditEvent
from models.users import User
from resolvers.caller import Caller
from resolvers.secret_tokens import hash_of
from resolvers.sessions import (
    AccountNotConfirmed,
    Identity,
    SignOutScope,
    caller_of_session,
    end_sessions,
    purge_expired_sessions,
    sessions_of,
    sign_in,
)
from tests.signed_in_database import Databases, profile

pytest_plugins = ["tests.sign_in_fixtures"]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIFETIME = timedelta(hours=12)


@pytest.fixture(params=["sqlite", "postgres"], autouse=True)
async def database(
    request: pytest.FixtureRequest, sign_in_databases: Databases
) -> AsyncIterator[str]:
    url = await sign_in_databases.fresh(request.param)
    async with connected(url):
        yield url


def identity(
    subject: str = "alice",
    *,
    address: str | None = "Alice@Live.example",
    name: str | None = "Alice",
) -> Identity:
    return Identity(
        issuer="https://id.example", subject=subject, microsoft_account=address, display_name=name
    )


async def signed_in(
    person: Identity | None = None, *, at: datetime = NOW, replacing: Session | None = None
) -> tuple[str, Session]:
    return await sign_in(
        person or identity(),
        client="Firefox on Windows",
        request_id="request-1",
        now=at,
        lifetime=LIFETIME,
        replacing=replacing.id if replacing else None,
    )


async def caller(token: str, *, at: datetime = NOW) -> Caller:
    found = await caller_of_session(token, request_id="request-2", now=at)
    assert found is not None
    return found


async def test_a_sign_in_makes_an_account_and_a_session_of_256_random_bits() -> None:
    token, session = await signed_in()

    account = await Account.get()
    assert (account.issuer, account.subject) == ("https://id.example", "alice")
    assert account.microsoft_account == "Alice@Live.example"
    assert account.microsoft_account_key == "alice@live.example"
    assert account.last_sign_in_at == NOW
    assert len(token) == 43
    assert session.token_hash == hash_of(token) != token
    assert session.expires_at == NOW + LIFETIME


async def test_the_database_never_holds_the_token() -> None:
    token, _ = await signed_in()

    rows = [*await Session.all().values(), *await AuditEvent.all().values()]
    assert token not in repr(rows)


async def test_a_later_sign_in_is_matched_by_subject_and_brings_the_account_up_to_date() -> None:
    """Rule 32."""
    await signed_in()
    await signed_in(
        identity(address="a.archer@live.example", name="A. Archer"), at=NOW + timedelta(days=1)
    )

    account = await Account.get()
    assert account.microsoft_account_key == "a.archer@live.example"
    assert account.display_name == "A. Archer"
    assert account.created_at == NOW
    assert account.last_sign_in_at == NOW + timedelta(days=1)


async def test_the_same_subject_of_another_issuer_is_another_account() -> None:
    await signed_in()
    await signed_in(
        Identity(
            issuer="https://other.example",
            subject="alice",
            microsoft_account="alice@live.example",
            display_name=None,
        )
    )

    assert await Account.all().count() == 2


async def test_many_first_sign_ins_at_once_make_one_account() -> None:
    await asyncio.gather(*(signed_in() for _ in range(8)))

    assert await Account.all().count() == 1
    assert await Session.all().count() == 8


async def test_a_sign_in_is_noted_on_every_profile_and_in_every_organizations_trail() -> None:
    """Rule 42."""
    await signed_in()
    account = await Account.get()
    contoso, fabrikam = await profile(account), await profile(account, "Fabrikam")
    _, session = await signed_in(at=NOW + timedelta(hours=1))

    assert {user.last_sign_in_at for user in await User.all()} == {NOW + timedelta(hours=1)}
    events = await AuditEvent.filter(created_at=NOW + timedelta(hours=1))
    assert {(event.organization_id, event.actor_id) for event in events} == {
        (contoso.organization_id, contoso.id),
        (fabrikam.organization_id, fabrikam.id),
    }
    assert {event.action for event in events} == {AuditAction.SIGNED_IN}
    assert {event.account_id for event in events} == {session.account_id}


async def test_a_sign_in_without_a_profile_goes_to_the_trail_of_no_organization() -> None:
    await signed_in()

    event = await AuditEvent.get()
    assert (event.action, event.organization_id) == (AuditAction.SIGNED_IN, None)
    assert event.actor_name == "Alice@Live.example"


async def test_signing_in_ends_the_session_that_the_browser_held_before() -> None:
    first, session = await signed_in()
    second, _ = await signed_in(replacing=session)

    assert await caller_of_session(first, request_id="r", now=NOW) is None
    assert (await caller(second)).session_id != session.id
    assert await AuditEvent.filter(action=AuditAction.SIGNED_OUT).count() == 0


async def test_signing_in_as_someone_else_signs_the_first_person_out_and_says_so() -> None:
    _, session = await signed_in()
    await signed_in(identity("bob", address="bob@live.example"), replacing=session)

    event = await AuditEvent.get(action=AuditAction.SIGNED_OUT)
    assert event.account_id == session.account_id
    assert await Session.all().count() == 1


async def test_a_replaced_session_that_has_ended_meanwhile_does_no_harm() -> None:
    _, session = await signed_in()
    await session.delete()
    token, _ = await signed_in(replacing=session)

    assert (await caller(token)).account is not None


async def test_an_unconfirmed_address_makes_no_account() -> None:
    with pytest.raises(AccountNotConfirmed):
        await signed_in(identity(address=None))

    assert await Account.all().count() == 0
    assert await Session.all().count() == 0
    assert await AuditEvent.all().count() == 0


async def test_an_unconfirmed_address_does_not_open_an_account_without_profiles() -> None:
    await signed_in()
    before = await Account.get().values()

    with pytest.raises(AccountNotConfirmed):
        await signed_in(identity(address=None, name="Changed"), at=NOW + timedelta(hours=1))

    assert await Account.get().values() == before


async def test_someone_associated_signs_in_unconfirmed_and_keeps_the_stored_account() -> None:
    await signed_in()
    await profile(await Account.get())
    token, _ = await signed_in(identity(address=None), at=NOW + timedelta(hours=1))

    found = await caller(token, at=NOW + timedelta(hours=1))
    assert found.name == "Alice@Live.example"


async def test_a_session_stands_for_its_account_until_it_expires() -> None:
    token, session = await signed_in()
    found = await caller(token, at=NOW + LIFETIME - timedelta(seconds=1))

    assert found.session_id == session.id
    assert found.signed_in().microsoft_account_key == "alice@live.example"
    assert await caller_of_session(token, request_id="r", now=NOW + LIFETIME) is None


@pytest.mark.parametrize("token", ["", "x", "\udcff", "a" * 5000, "' OR 1=1 --"])
async def test_a_made_up_token_stands_for_nobody(token: str) -> None:
    await signed_in()

    assert await caller_of_session(token, request_id="r", now=NOW) is None


async def test_a_session_is_seen_at_most_every_five_minutes() -> None:
    token, session = await signed_in()
    await caller(token, at=NOW + timedelta(minutes=4, seconds=59))
    await session.refresh_from_db()
    early = session.last_seen_at
    await caller(token, at=NOW + timedelta(minutes=5))
    await session.refresh_from_db()

    assert (early, session.last_seen_at) == (NOW, NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("scope", "ended", "left"),
    [
        (SignOutScope.THIS_SESSION, 1, 2),
        (SignOutScope.OTHER_SESSIONS, 2, 1),
        (SignOutScope.ALL_SESSIONS, 3, 0),
    ],
)
async def test_signing_out_ends_the_sessions_asked_for_and_repeating_it_succeeds(
    scope: SignOutScope, ended: int, left: int
) -> None:
    """Rule 41."""
    token, _ = await signed_in()
    await signed_in()
    await signed_in()
    await signed_in(identity("bob", address="bob@live.example"))
    alice = await caller(token)

    assert await end_sessions(alice, scope, now=NOW) == ended
    assert await end_sessions(alice, scope, now=NOW) == 0
    assert len(await sessions_of(alice, now=NOW)) == left
    assert await Session.exclude(account_id=alice.signed_in().id).count() == 1
    event = await AuditEvent.get(action=AuditAction.SIGNED_OUT)
    assert event.changes == [{"field": "endedSessions", "before": None, "after": str(ended)}]


async def test_a_session_that_was_ended_stands_for_nobody_from_then_on() -> None:
    token, _ = await signed_in()
    await end_sessions(await caller(token), SignOutScope.THIS_SESSION, now=NOW)

    assert await caller_of_session(token, request_id="r", now=NOW) is None


@pytest.mark.parametrize("scope", list(SignOutScope))
async def test_signing_out_without_having_signed_in_succeeds(scope: SignOutScope) -> None:
    assert await end_sessions(Caller(request_id="r"), scope, now=NOW) == 0
    assert await sessions_of(Caller(request_id="r"), now=NOW) == []


async def test_sessions_are_listed_newest_first_without_expired_ones() -> None:
    await signed_in(at=NOW - LIFETIME)
    _, older = await signed_in(at=NOW - timedelta(hours=1))
    token, newer = await signed_in()

    listed = await sessions_of(await caller(token), now=NOW)
    assert [session.id for session in listed] == [newer.id, older.id]


async def test_purging_deletes_expired_sessions_only() -> None:
    await signed_in(at=NOW - LIFETIME)
    token, _ = await signed_in()

    assert await purge_expired_sessions(NOW) == 1
    assert (await caller(token)).account is not None
