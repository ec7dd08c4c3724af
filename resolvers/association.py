"""Completing an association: from an e-mailed link to a Microsoft account that is signed in."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models.addresses import masked
from models.audit import AuditAction, AuditOutcome
from models.invitations import DeliveryStatus, Invitation, InvitationStatus, OutgoingMail
from models.users import User, UserStatus
from resolvers.administration import administration
from resolvers.audit import changes_between, record_of_user
from resolvers.caller import Caller
from resolvers.denials import person_for
from resolvers.invitations import status_at
from resolvers.memberships import catalogue_for
from resolvers.permissions import roles_held
from resolvers.rates import Rates, too_often
from resolvers.refusals import Code, Refused, refuse
from resolvers.secret_tokens import hash_of

DEAD = {
    InvitationStatus.ACCEPTED: (
        Code.INVITATION_ACCEPTED,
        "This invitation has been accepted already; its link works once.",
    ),
    InvitationStatus.EXPIRED: (
        Code.INVITATION_EXPIRED,
        "This invitation has expired; ask the administrator to send it again.",
    ),
    InvitationStatus.REVOKED: (
        Code.INVITATION_REVOKED,
        "This invitation was revoked; ask the administrator whether it was meant to be.",
    ),
    InvitationStatus.SUPERSEDED: (
        Code.INVITATION_INVALID,
        "This link has been replaced; use the newest mail, or ask the administrator to send one.",
    ),
}
"""What is said of a link that works no more."""

UNKNOWN = "This link is not valid; it may have been replaced by a newer one."


@dataclass(frozen=True, slots=True)
class InvitationPreview:
    """What anyone who holds a link may see."""

    usable: bool
    organization_name: str | None = None
    service_names: tuple[str, ...] = ()
    masked_microsoft_account: str | None = None


async def preview(caller: Caller, *, token: str, now: datetime) -> InvitationPreview:
    """Look at a link without using it (rule 26). A dead or an unknown one shows nothing."""
    invitation = await _invitation_of(token)
    if invitation is None or status_at(invitation, now) is not InvitationStatus.PENDING:
        return InvitationPreview(usable=False)
    catalogue = await catalogue_for(caller)
    held = (await roles_held([invitation.user_id]))[invitation.user_id]
    roles = catalogue.sorted_roles(held)
    return InvitationPreview(
        usable=True,
        organization_name=invitation.organization.name,
        service_names=tuple(dict.fromkeys(catalogue.service_of(role).name for role in roles)),
        masked_microsoft_account=masked(invitation.user.microsoft_account),
    )


async def accept_invitation(caller: Caller, *, token: str, rates: Rates, now: datetime) -> User:
    """Associate the signed-in account with the profile that the link was sent for.

    Issuer and subject are what the association holds from now on (rule 32): it is by the account's
    row, which only they identify.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The link is dead; or the account is not the one that the profile names
            (MICROSOFT_ACCOUNT_MISMATCH, and the link stays good: rule 25); or it has tried too
            often (RATE_LIMITED). FORBIDDEN; an access token asks.
    """
    account = await person_for(caller, AuditAction.ACCOUNT_ASSOCIATED, now=now)
    wait_s = await rates.acceptance(account.id)
    if wait_s is not None:
        message = "Too many attempts to accept an invitation."
        raise too_often(message, wait_s, ("token",))
    seen = await _invitation_of(token)
    if seen is None:
        raise refuse(Code.INVITATION_INVALID, UNKNOWN, ("token",))
    async with administration(caller, seen.organization_id):
        invitation = await _invitation_of(token)
        if invitation is None:
            raise refuse(Code.INVITATION_INVALID, UNKNOWN, ("token",))
        status = status_at(invitation, now)
        if status in DEAD:
            code, message = DEAD[status]
            raise refuse(code, message, ("token",))
        user = invitation.user
        matches = account.microsoft_account_key == user.microsoft_account_key
        if matches:
            await _associate(caller, invitation, user, now=now)
        else:
            _record(caller, AuditAction.ASSOCIATION_REFUSED, user, now=now)
    if not matches:
        raise refuse(
            Code.MICROSOFT_ACCOUNT_MISMATCH,
            f"You are signed in as {account.microsoft_account}, but the invitation is for "
            f"{masked(user.microsoft_account)}. Sign out, and come back with that account.",
            ("token",),
        )
    return user


async def _associate(caller: Caller, invitation: Invitation, user: User, *, now: datetime) -> None:
    user.account_id = caller.signed_in().id
    user.status = UserStatus.ASSOCIATED
    user.last_sign_in_at = now
    try:
        async with in_transaction():
            await User.filter(id=user.id).update(
                account_id=user.account_id, status=user.status, last_sign_in_at=now
            )
    except IntegrityError:
        raise refuse(
            Code.ALREADY_ASSOCIATED,
            "This Microsoft account is associated with another user of the organization already.",
            ("token",),
        ) from None
    await Invitation.filter(id=invitation.id).update(
        status=InvitationStatus.ACCEPTED, accepted_at=now
    )
    await OutgoingMail.filter(invitation_id=invitation.id, status=DeliveryStatus.QUEUED).delete()
    _record(caller, AuditAction.ACCOUNT_ASSOCIATED, user, now=now)


def _record(caller: Caller, action: AuditAction, user: User, *, now: datetime) -> None:
    account = caller.signed_in()
    associated = action is AuditAction.ACCOUNT_ASSOCIATED
    record_of_user(
        caller,
        action,
        user,
        actor_id=user.id if associated else None,
        changes=changes_between({}, {"associatedAccount": account.microsoft_account}),
        outcome=AuditOutcome.SUCCEEDED if associated else AuditOutcome.DENIED,
        now=now,
    )


async def _invitation_of(token: str) -> Invitation | None:
    return (
        await Invitation.filter(token_hash=hash_of(token))
        .select_related("user", "organization")
        .first()
    )


def must_sign_out_first(refusal: Refused) -> bool:
    """Whether the refusal is that another Microsoft account must sign in."""
    return any(problem.code is Code.MICROSOFT_ACCOUNT_MISMATCH for problem in refusal.problems)
