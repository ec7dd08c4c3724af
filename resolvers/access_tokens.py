"""Access tokens: credentials that a person makes for programs, which then act as the account.

A token belongs to an account, as a session does, and so it is good for all organizations of the
account. It can do what the account can do at the moment, within its scopes. All tokens of an
account end for good with the first of its profiles that is removed or loses its last role.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import Q

from models.accounts import AccessScope, AccessToken
from models.audit import AuditAction
from models.rows import new_id
from models.users import User
from resolvers.account_trails import record_for_each_profile
from resolvers.administration import administration
from resolvers.announcements import CredentialsEnded, announce
from resolvers.audit import changes_between, record, recorded_transaction
from resolvers.caller import Caller, PresentedToken
from resolvers.credentials import LookUp, caller_behind
from resolvers.denials import person_for, recording_denials
from resolvers.fields import clean_name
from resolvers.memberships import memberships_of
from resolvers.refusals import Code, Denial, Problems, refuse
from resolvers.secret_tokens import PREFIX_LENGTH, hash_of, new_access_token
from resolvers.statements import as_moment, as_uuid

LONGEST_LIFE = timedelta(days=366)
"""A year, whichever."""

MOST_TOKENS = 50
"""That an account can have at a time, expired ones left out."""

USED_EVERY = timedelta(minutes=5)
"""How stale `last_used_at` may be, so that not every request writes."""

SHOWN_AFTER_END = timedelta(days=30)
"""Their owner can see so long why a program is refused."""

ELSEWHERE = "an administrator of another organization"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAccessToken:
    """The form of a new token."""

    name: str
    scopes: Sequence[AccessScope]
    expires_at: datetime


async def create_access_token(
    caller: Caller, *, new: NewAccessToken, now: datetime
) -> tuple[AccessToken, str]:
    """Make a token; its row, and the secret, which is nowhere else.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: FORBIDDEN for an access token, and for an account that holds no role anywhere; or
            all problems of the form together.
    """
    account = await person_for(caller, AuditAction.ACCESS_TOKEN_CREATED, now=now)
    problems = Problems()
    name = clean_name(problems, new.name, "The name", "name")
    _check_scopes(new.scopes, problems)
    _check_end(new.expires_at, problems, now=now)
    problems.raise_if_any()
    organizations = list(await memberships_of(caller))
    secret = new_access_token()
    token = AccessToken(
        id=new_id(),
        account_id=account.id,
        name=name,
        prefix=secret[:PREFIX_LENGTH],
        token_hash=hash_of(secret),
        scopes=" ".join(scope for scope in AccessScope if scope in new.scopes),
        created_at=now,
        expires_at=new.expires_at,
    )
    async with (
        recording_denials(caller, AuditAction.ACCESS_TOKEN_CREATED, now=now),
        # Whoever takes roles from the account lines up at the same rows, so that none of its tokens
        # can be made meanwhile and stay.
        administration(caller, *organizations),
    ):
        if not await _holds_a_role(caller):
            message = "Only who holds a role in an organization can have access tokens."
            raise refuse(Code.FORBIDDEN, message, denial=Denial(None))
        if await AccessToken.filter(account_id=account.id, expires_at__gt=now).count() >= (
            MOST_TOKENS
        ):
            message = f"You have {MOST_TOKENS} access tokens, the most there can be; revoke one."
            raise refuse(Code.INVALID, message)
        await token.save(force_create=True)
        await record_for_each_profile(
            caller,
            account.id,
            AuditAction.ACCESS_TOKEN_CREATED,
            subject=_subject(token),
            changes=changes_between({}, _described(token)),
            now=now,
        )
    return token, secret


def _check_scopes(scopes: Sequence[AccessScope], problems: Problems) -> None:
    if not scopes:
        problems.add(Code.REQUIRED, "Choose at least one scope.", "scopes")
    for index, scope in enumerate(scopes):
        if scope in scopes[:index]:
            message = f"The scope {scope} is given more than once."
            problems.add(Code.INVALID, message, "scopes", str(index))
            return


def _check_end(expires_at: datetime, problems: Problems, *, now: datetime) -> None:
    if expires_at <= now:
        problems.add(Code.INVALID, "The end is in the past.", "expiresAt")
    elif expires_at > now + LONGEST_LIFE:
        message = f"The end is too far away: a token lasts {LONGEST_LIFE.days} days at most."
        problems.add(Code.INVALID, message, "expiresAt")


async def _holds_a_role(caller: Caller) -> bool:
    return any(each.user.role_ids for each in (await memberships_of(caller)).values())


async def revoke_access_token(caller: Caller, *, token_id: UUID, now: datetime) -> UUID:
    """End one of the caller's own tokens, at once and for good; its id.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND; none of the caller's tokens has this id. FORBIDDEN; an access token
            asks.
    """
    account = await person_for(caller, AuditAction.ACCESS_TOKEN_REVOKED, now=now)
    own = AccessToken.filter(account_id=account.id, id=token_id)
    token = await own.first()
    async with recorded_transaction():
        if not await own.delete() or token is None:
            raise refuse(Code.NOT_FOUND, "None of your access tokens has this id.", ("id",))
        announce(CredentialsEnded(account.id))
        await record_for_each_profile(
            caller,
            account.id,
            AuditAction.ACCESS_TOKEN_REVOKED,
            subject=_subject(token),
            now=now,
        )
    return token_id


async def end_access_tokens(
    caller: Caller, account_id: UUID, *, organization_id: UUID, actor_id: UUID, now: datetime
) -> None:
    """End all tokens of an account that loses a profile, or its last role, in an organization.

    It is for the transaction in which that happens. The account's other organizations learn that
    the tokens have ended, and not who did it.
    """
    tokens = await AccessToken.filter(account_id=account_id).order_by("id")
    if not tokens:
        return
    await AccessToken.filter(account_id=account_id).delete()
    announce(CredentialsEnded(account_id))
    elsewhere = await User.filter(account_id=account_id).exclude(organization_id=organization_id)
    for token in tokens:
        record(
            caller,
            AuditAction.ACCESS_TOKEN_REVOKED,
            organization_id=organization_id,
            subject=_subject(token),
            actor_id=actor_id,
            now=now,
        )
        for profile in elsewhere:
            record(
                caller,
                AuditAction.ACCESS_TOKEN_REVOKED,
                organization_id=profile.organization_id,
                subject=_subject(token),
                actor_name=ELSEWHERE,
                now=now,
            )


async def access_tokens_of(caller: Caller, *, now: datetime) -> list[AccessToken]:
    """The caller's own tokens, the newest first; expired ones for a while.

    Raises:
        Unauthenticated: Nobody is signed in.
        OutOfScope: By an access token without READ.
    """
    account = caller.signed_in()
    caller.demand(AccessScope.READ)
    return await AccessToken.filter(
        account_id=account.id, expires_at__gt=now - SHOWN_AFTER_END
    ).order_by("-created_at", "-id")


COLUMNS = ("id", "prefix", "scopes", "last_used_at", "expires_at")
TOKENS = LookUp("access_tokens", *COLUMNS)


async def caller_of_access_token(
    secret: str, *, request_id: str, now: datetime, with_writers: bool = False
) -> Caller | None:
    """Whom an access token stands for; None if it has ended, or never was.

    One statement, as for a session. An account that holds no role has no use of its tokens: they
    end when its last role goes, and this is for those that it loses with a catalogue's change.
    """
    rows = await TOKENS.by_hash(hash_of(secret), with_writers=with_writers)
    if not rows:
        return None
    id_, prefix, scopes, last_used_at, expires_at = rows[0][: len(COLUMNS)]
    if as_moment(expires_at) <= now:
        return None
    token = PresentedToken(as_uuid(id_), prefix, frozenset(map(AccessScope, scopes.split())))
    caller = await caller_behind(rows, width=len(COLUMNS), request_id=request_id, token=token)
    if not await _holds_a_role(caller):
        return None
    caller.ends_at = as_moment(expires_at)
    stale = now - USED_EVERY
    if last_used_at is None or as_moment(last_used_at) <= stale:
        # Of many requests at once, one writes.
        unused = Q(last_used_at__isnull=True) | Q(last_used_at__lte=stale)
        await AccessToken.filter(unused, id=token.id).update(last_used_at=now)
    return caller


async def purge_expired_tokens(now: datetime) -> int:
    """Delete tokens that expired long ago; how many there were."""
    return await AccessToken.filter(expires_at__lte=now - SHOWN_AFTER_END).delete()


def _subject(token: AccessToken) -> tuple[str, UUID, str]:
    return "AccessToken", token.id, f"{token.name} ({token.prefix})"


def _described(token: AccessToken) -> dict[str, str | None]:
    return {
        "name": token.name,
        "scopes": token.scopes.replace(" ", ", "),
        "expiresAt": token.expires_at.isoformat(),
    }
