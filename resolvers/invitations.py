"""Invitations: sending and revoking them. Accepting one is in `association`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from models.audit import AuditAction
from models.invitations import (
    DeliveryStatus,
    Invitation,
    InvitationContent,
    InvitationStatus,
    OutgoingMail,
)
from models.rows import new_id
from models.users import User, UserStatus
from resolvers.audit import changes_between, record
from resolvers.caller import Caller
from resolvers.denials import record_refusals
from resolvers.fields import check_batch
from resolvers.memberships import Membership, Permission, memberships_of
from resolvers.permissions import administration, invitations_for, roles_held, users_for
from resolvers.rates import Rates, too_often
from resolvers.refusals import Code, Refused, refuse
from resolvers.secret_tokens import hash_of, new_token


def status_at(invitation: Invitation, now: datetime) -> InvitationStatus:
    """The status as people see it: a pending invitation past its end has expired."""
    if invitation.status is InvitationStatus.PENDING and invitation.expires_at <= now:
        return InvitationStatus.EXPIRED
    return invitation.status


async def invite_users(
    caller: Caller,
    *,
    user_ids: Sequence[UUID],
    lifetime: timedelta,
    rates: Rates,
    now: datetime,
) -> list[Invitation | Refused]:
    """Send or re-send; a re-send replaces the link. The mail leaves after the commit.

    Returns:
        One entry per id, in order.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The batch is empty or too large.
    """
    caller.signed_in()
    check_batch(user_ids, "user", "userIds")
    paths = [("userIds", str(index)) for index in range(len(user_ids))]
    seen = await users_for(caller, user_ids, to=Permission.INVITE_USERS, paths=paths)
    organizations = {user.organization_id for user in seen if isinstance(user, User)}
    async with administration(caller, *organizations):
        users = await users_for(caller, user_ids, to=Permission.INVITE_USERS, paths=paths)
        held = await roles_held([user.id for user in users if isinstance(user, User)])
        results: dict[UUID, Invitation | Refused] = {}
        for id_, user, path in zip(user_ids, users, paths, strict=True):
            if id_ not in results:
                results[id_] = (
                    user
                    if isinstance(user, Refused)
                    else await _invite(
                        caller, user, held[user.id], path, lifetime=lifetime, rates=rates, now=now
                    )
                )
        outcomes = [results[id_] for id_ in user_ids]
        await record_refusals(caller, AuditAction.INVITATION_SENT, outcomes, now=now)
        return outcomes


async def _invite(
    caller: Caller,
    user: User,
    held: frozenset[UUID],
    path: Sequence[str],
    *,
    lifetime: timedelta,
    rates: Rates,
    now: datetime,
) -> Invitation | Refused:
    membership = (await memberships_of(caller))[user.organization_id]
    try:
        service_names = _services_to_name(user, held, membership, path)
        await _count_mail(caller, user, rates, path)
    except Refused as refusal:
        return refusal
    token = new_token()
    invitation = await _renewed(user, membership, token, now=now, expires_at=now + lifetime)
    inviter = await User.get(id=membership.user_id)
    await OutgoingMail.create(
        id=new_id(),
        organization_id=user.organization_id,
        invitation_id=invitation.id,
        recipient_name=user.full_name,
        recipient_address=user.primary_email_address,
        content=InvitationContent(
            organization_name=membership.organization.name,
            service_names=service_names,
            inviter_name=inviter.full_name,
            microsoft_account=user.microsoft_account,
            expires_at=invitation.expires_at.isoformat(),
        ),
        token=token,
        next_attempt_at=now,
        give_up_at=invitation.expires_at,
        created_at=now,
    )
    await User.filter(id=user.id).update(status=UserStatus.INVITED)
    record(
        caller,
        AuditAction.INVITATION_SENT,
        organization_id=user.organization_id,
        subject=("User", user.id, user.full_name),
        actor_id=membership.user_id,
        changes=changes_between({}, {"sentTo": invitation.sent_to}),
        now=now,
    )
    return invitation


def _services_to_name(
    user: User, held: frozenset[UUID], membership: Membership, path: Sequence[str]
) -> list[str]:
    """The services whose roles await the user.

    Raises:
        Refused: ALREADY_ASSOCIATED, ROLE_REQUIRED (rule 28); FEATURE_NOT_AVAILABLE or
            SERVICE_NOT_ACTIVE if that holds for every service of the user's roles (rules 11, 14).
    """
    if user.account_id is not None:
        message = f"{user.full_name} has completed the association already."
        raise refuse(Code.ALREADY_ASSOCIATED, message, path)
    if not held:
        message = f"{user.full_name} holds no role, so there is nothing to invite to."
        raise refuse(Code.ROLE_REQUIRED, message, path)
    catalogue = membership.catalogue
    services = {role.service_id: role for role in catalogue.sorted_roles(held)}
    obstacles = {
        service_id: membership.obstacle(catalogue.services[service_id]) for service_id in services
    }
    usable = [catalogue.services[id_].name for id_, obstacle in obstacles.items() if not obstacle]
    if not usable:
        code, message = next(obstacle for obstacle in obstacles.values() if obstacle)
        raise refuse(code, message, path)
    return usable


async def _count_mail(caller: Caller, user: User, rates: Rates, path: Sequence[str]) -> None:
    """Count the mail that is about to be written.

    Raises:
        Refused: RATE_LIMITED.
    """
    wait_s = await rates.mail(
        recipient=user.primary_email_address_key,
        administrator=caller.signed_in().id,
        organization=user.organization_id,
    )
    if wait_s is not None:
        message = "Too many invitations."
        raise too_often(message, wait_s, path)


async def _renewed(
    user: User, membership: Membership, token: str, *, now: datetime, expires_at: datetime
) -> Invitation:
    """The user's open invitation with a new link, or a new one; older links die here."""
    newest = await newest_invitation(user.id)
    if newest is None or newest.status is InvitationStatus.SUPERSEDED:
        newest = Invitation(
            id=new_id(),
            organization_id=user.organization_id,
            user_id=user.id,
            send_count=0,
            created_at=now,
        )
        fresh = True
    else:
        fresh = False
    newest.status = InvitationStatus.PENDING
    newest.token_hash = hash_of(token)
    newest.sent_to = user.primary_email_address
    newest.sent_by_id = membership.user_id
    newest.send_count += 1
    newest.expires_at = expires_at
    newest.delivery = DeliveryStatus.QUEUED
    newest.delivery_detail = None
    # The invitation first, then its mails: delivery locks them in this order too.
    await newest.save(force_create=fresh)
    await OutgoingMail.filter(invitation_id=newest.id, status=DeliveryStatus.QUEUED).delete()
    return newest


async def newest_invitation(user_id: UUID) -> Invitation | None:
    """The last made of a user's invitations."""
    return await Invitation.filter(user_id=user_id).order_by("-created_at", "-id").first()


async def revoke_invitations(
    caller: Caller, *, invitation_ids: Sequence[UUID], now: datetime
) -> list[Invitation | Refused]:
    """Kill the links of invitations that are open. Revoking a revoked one changes nothing.

    Returns:
        One entry per id, in order.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The batch is empty or too large.
    """
    caller.signed_in()
    check_batch(invitation_ids, "invitation", "invitationIds")
    paths = [("invitationIds", str(index)) for index in range(len(invitation_ids))]
    seen = await invitations_for(caller, invitation_ids, paths=paths)
    organizations = {row.organization_id for row in seen if isinstance(row, Invitation)}
    async with administration(caller, *organizations):
        rows = await invitations_for(caller, invitation_ids, paths=paths)
        results = [
            row if isinstance(row, Refused) else await _revoke(caller, row, path, now=now)
            for row, path in zip(rows, paths, strict=True)
        ]
        await record_refusals(caller, AuditAction.INVITATION_REVOKED, results, now=now)
        return results


async def _revoke(
    caller: Caller, invitation: Invitation, path: Sequence[str], *, now: datetime
) -> Invitation | Refused:
    if invitation.status is InvitationStatus.ACCEPTED:
        return refuse(Code.INVITATION_ACCEPTED, "The invitation has been accepted already.", path)
    if invitation.status is not InvitationStatus.PENDING:
        return invitation
    membership = (await memberships_of(caller))[invitation.organization_id]
    user = await User.get(id=invitation.user_id)
    invitation.status = InvitationStatus.REVOKED
    await Invitation.filter(id=invitation.id).update(status=InvitationStatus.REVOKED)
    await OutgoingMail.filter(invitation_id=invitation.id, status=DeliveryStatus.QUEUED).delete()
    record(
        caller,
        AuditAction.INVITATION_REVOKED,
        organization_id=invitation.organization_id,
        subject=("User", user.id, user.full_name),
        actor_id=membership.user_id,
        changes=changes_between({"status": "PENDING"}, {"status": "REVOKED"}),
        now=now,
    )
    return invitation
