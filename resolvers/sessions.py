"""Signing in and out: accounts, their sessions, and whom a session's token stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from models.accounts import AccessScope, Account, Session
from models.addresses import address_key
from models.audit import AuditAction, RecordedChange
from models.users import User
from resolvers.account_trails import record_for_each_profile
from resolvers.announcements import CredentialsEnded, announce
from resolvers.audit import recorded_transaction
from resolvers.caller import Caller, SignedInAccount
from resolvers.credentials import LookUp, caller_behind
from resolvers.denials import person_for
from resolvers.refusals import Code, refuse
from resolvers.secret_tokens import hash_of, new_token
from resolvers.statements import as_moment, as_uuid

SEEN_EVERY = timedelta(minutes=5)
"""How stale `last_seen_at` may be, so that not every request writes."""

DISPLAY_NAME_LENGTH = 200
CLIENT_LENGTH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A person, as the identity provider has vouched for."""

    issuer: str
    subject: str
    microsoft_account: str | None
    """A well-formed address; None where the provider did not confirm that it is theirs."""
    display_name: str | None


class AccountNotConfirmed(Exception):  # noqa: N818 - an answer, not an error
    """The provider did not confirm the address, and no profile is associated with the person."""


class SignOutScope(StrEnum):
    """Which of the caller's sessions to end."""

    THIS_SESSION = "THIS_SESSION"
    OTHER_SESSIONS = "OTHER_SESSIONS"
    ALL_SESSIONS = "ALL_SESSIONS"


async def sign_in(
    identity: Identity,
    *,
    client: str | None,
    request_id: str,
    now: datetime,
    lifetime: timedelta,
    replacing: UUID | None = None,
) -> tuple[str, Session]:
    """Begin a session; its token, which is nowhere else, and its row.

    The person is known by issuer and subject alone (rule 32). `replacing` is the session that the
    browser held before: it ends, so that nobody who planted or copied it shares the new one.

    Raises:
        AccountNotConfirmed: As the class says. Nothing was changed.
    """
    token = new_token()
    async with recorded_transaction():
        account = await _account_of(identity, now=now)
        if replacing is not None:
            # Sessions before users: the removal of a profile locks them in this order too.
            await _end_replaced(replacing, account, request_id=request_id, now=now)
        await User.filter(account_id=account.id).update(last_sign_in_at=now)
        session = await Session.create(
            account_id=account.id,
            token_hash=hash_of(token),
            client=client[:CLIENT_LENGTH] if client else None,
            created_at=now,
            last_seen_at=now,
            expires_at=now + lifetime,
        )
        caller = Caller(request_id=request_id, account=signed_in_as(account), session_id=session.id)
        await record_for_each_profile(caller, account.id, AuditAction.SIGNED_IN, now=now)
    return token, session


COLUMNS = ("id", "last_seen_at", "expires_at")
SESSIONS = LookUp("sessions", *COLUMNS)


async def caller_of_session(
    token: str, *, request_id: str, now: datetime, with_writers: bool = False
) -> Caller | None:
    """Whom a session's token stands for; None if the session has ended, or never was.

    The same statement tells the caller's memberships and the catalogue's version, and on request
    who wrote last in his organizations.
    """
    rows = await SESSIONS.by_hash(hash_of(token), with_writers=with_writers)
    if not rows or as_moment(rows[0][2]) <= now:
        return None
    id_, last_seen_at = rows[0][:2]
    if as_moment(last_seen_at) <= now - SEEN_EVERY:
        await Session.filter(id=id_).update(last_seen_at=now)
    return await _caller_in(rows, request_id=request_id)


async def callers_of_sessions(
    ids: Sequence[UUID], *, request_id: str, now: datetime
) -> dict[UUID, Caller]:
    """Whom each of these sessions stands for now, by one statement; those that ended are missing.

    Nobody is noted to have been seen.
    """
    found: dict[UUID, list[Any]] = {}
    for row in await SESSIONS.by_ids(ids):
        if as_moment(row[2]) > now:
            found.setdefault(as_uuid(row[0]), []).append(row)
    return {id_: await _caller_in(rows, request_id=request_id) for id_, rows in found.items()}


async def _caller_in(rows: Sequence[Any], *, request_id: str) -> Caller:
    """The caller that the rows of one session tell of."""
    caller = await caller_behind(
        rows, width=len(COLUMNS), request_id=request_id, session_id=as_uuid(rows[0][0])
    )
    caller.ends_at = as_moment(rows[0][2])
    return caller


async def end_sessions(caller: Caller, scope: SignOutScope, *, now: datetime) -> int:
    """End sessions of the caller, at once and for good (rule 41); how many there were.

    Repeating it succeeds, and so does signing out without having signed in.

    Raises:
        Refused: FORBIDDEN; an access token asks.
    """
    if caller.account is None:
        return 0
    await person_for(caller, AuditAction.SIGNED_OUT, now=now)
    ending = Session.filter(account_id=caller.account.id)
    match scope:
        case SignOutScope.THIS_SESSION:
            if caller.session_id is None:
                return 0
            ending = ending.filter(id=caller.session_id)
        case SignOutScope.OTHER_SESSIONS:
            if caller.session_id is not None:
                ending = ending.exclude(id=caller.session_id)
        case SignOutScope.ALL_SESSIONS:
            pass
    return await _end(caller, caller.account.id, ending, now=now)


async def end_session(caller: Caller, *, session_id: UUID, now: datetime) -> UUID:
    """End one of the caller's own sessions, wherever it is open; its id.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND; none of the caller's open sessions has this id. FORBIDDEN; an access
            token asks.
    """
    account = await person_for(caller, AuditAction.SIGNED_OUT, now=now)
    ending = Session.filter(account_id=account.id, id=session_id, expires_at__gt=now)
    if not await _end(caller, account.id, ending, now=now):
        raise refuse(Code.NOT_FOUND, "None of your open sessions has this id.", ("id",))
    return session_id


async def _end(
    caller: Caller, account_id: UUID, ending: QuerySet[Session], *, now: datetime
) -> int:
    async with recorded_transaction():
        ended = await ending.delete()
        if ended:
            await record_for_each_profile(
                caller,
                account_id,
                AuditAction.SIGNED_OUT,
                changes=[RecordedChange(field="endedSessions", before=None, after=str(ended))],
                now=now,
            )
    return ended


async def sessions_of(caller: Caller, *, now: datetime) -> list[Session]:
    """The caller's live sessions, the newest first; none for an anonymous caller.

    Raises:
        OutOfScope: By an access token without READ.
    """
    caller.demand(AccessScope.READ)
    if caller.account is None:
        return []
    return await Session.filter(account_id=caller.account.id, expires_at__gt=now).order_by(
        "-created_at", "-id"
    )


async def purge_expired_sessions(now: datetime) -> int:
    """Delete sessions that can't be used any more; how many there were."""
    return await Session.filter(expires_at__lte=now).delete()


async def _account_of(identity: Identity, *, now: datetime) -> Account:
    """The account's row, made or brought up to date by one statement that races can't split.

    Either branch begins with a write, as transactions on SQLite must.
    """
    display_name = (identity.display_name or "")[:DISPLAY_NAME_LENGTH] or None
    known = Account.filter(issuer=identity.issuer, subject=identity.subject)
    if identity.microsoft_account is None:
        await known.update(last_sign_in_at=now, display_name=display_name)
        account = await known.first()
        if account is None or not await User.filter(account_id=account.id).exists():
            raise AccountNotConfirmed
        return account
    newest = Account(
        issuer=identity.issuer,
        subject=identity.subject,
        microsoft_account=identity.microsoft_account,
        microsoft_account_key=address_key(identity.microsoft_account),
        display_name=display_name,
        created_at=now,
        last_sign_in_at=now,
    )
    await Account.bulk_create(
        [newest],
        on_conflict=["issuer", "subject"],
        update_fields=[
            "microsoft_account",
            "microsoft_account_key",
            "display_name",
            "last_sign_in_at",
        ],
    )
    return await known.get()


async def _end_replaced(
    session_id: UUID, account: Account, *, request_id: str, now: datetime
) -> None:
    replaced = await Session.filter(id=session_id).prefetch_related("account").first()
    if replaced is None or not await Session.filter(id=session_id).delete():
        return
    announce(CredentialsEnded(replaced.account_id))
    if replaced.account_id != account.id:
        caller = Caller(
            request_id=request_id, account=signed_in_as(replaced.account), session_id=session_id
        )
        await record_for_each_profile(caller, replaced.account_id, AuditAction.SIGNED_OUT, now=now)


def signed_in_as(account: Account) -> SignedInAccount:
    """The account, as who acts."""
    return SignedInAccount(
        id=account.id,
        microsoft_account=account.microsoft_account,
        microsoft_account_key=account.microsoft_account_key,
        display_name=account.display_name,
    )
