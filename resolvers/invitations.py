"""Invitations: sending and revoking them. Accepting one is in `association`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
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
from resolvers.administration import administration
from resolvers.audit import changes_between, record_of_user
from resolvers.batches import newest_invitations_of
from resolvers.caller import Caller
from resolvers.denials import record_refusals
from resolvers.fields import check_batch
from resolvers.memberships import Membership, Permission, memberships_of
from resolvers.permissions import invitations_for, roles_held, users_for
from resolvers.rates import Rates, too_often
from resolvers.refusals import Code, Refused, refuse
from resolvers.secret_tokens import hash_of, new_token

A_MOMENT = timedelta(microseconds=1)
"""The least by which the databases tell two instants apart."""


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
        memberships = await memberships_of(caller)
        refusals: dict[int, Refused] = {}
        invitees: dict[UUID, _Invitee] = {}
        for row, (user, path) in enumerate(zip(users, paths, strict=True)):
            try:
                if isinstance(user, Refused):
                    raise user
                membership = memberships[user.organization_id]
                names = _services_to_name(user, held[user.id], membership, path)
                if user.id not in invitees:
                    await _count_mail(caller, user, rates, path)
                invitees[user.id] = _Invitee(user, membership, names)
            except Refused as refusal:
                refusals[row] = refusal
        invited = await _invite(caller, list(invitees.values()), now + lifetime, now=now)
        outcomes = [refusals.get(row) or invited[id_] for row, id_ in enumerate(user_ids)]
        await record_refusals(caller, AuditAction.INVITATION_SENT, outcomes, now=now)
        return outcomes


class _Invitee(NamedTuple):
    """A user who may be invited."""

    user: User
    membership: Membership
    """The caller's."""
    service_names: list[str]
    """What the user is invited to."""


async def _invite(
    caller: Caller, invitees: Sequence[_Invitee], expires_at: datetime, *, now: datetime
) -> dict[UUID, Invitation]:
    """The invitation of each by the user's id, in as many statements for many as for one.

    But for one each where an invitation is sent again.
    """
    if not invitees:
        return {}
    tokens = [new_token() for _ in invitees]
    invitations = await _renewed(invitees, tokens, now=now, expires_at=expires_at)
    # The invitations first, then their mails: delivery locks them in this order too.
    await OutgoingMail.filter(
        invitation_id__in=[each.id for each in invitations], status=DeliveryStatus.QUEUED
    ).delete()
    await OutgoingMail.bulk_create(
        _mail(invitee, invitation, token, now=now)
        for invitee, invitation, token in zip(invitees, invitations, tokens, strict=True)
    )
    await User.filter(id__in=[user.id for user, _, _ in invitees]).update(status=UserStatus.INVITED)
    for (user, membership, _), invitation in zip(invitees, invitations, strict=True):
        record_of_user(
            caller,
            AuditAction.INVITATION_SENT,
            user,
            actor_id=membership.user_id,
            changes=changes_between({}, {"sentTo": invitation.sent_to}),
            now=now,
        )
    return {each.user_id: each for each in invitations}


def _mail(invitee: _Invitee, invitation: Invitation, token: str, *, now: datetime) -> OutgoingMail:
    user, membership, service_names = invitee
    return OutgoingMail(
        id=new_id(),
        organization_id=user.organization_id,
        invitation_id=invitation.id,
        recipient_name=user.full_name,
        recipient_address=user.primary_email_address,
        content=InvitationContent(
            organization_name=membership.organization.name,
            service_names=service_names,
            inviter_name=membership.user.full_name,
            microsoft_account=user.microsoft_account,
            expires_at=invitation.expires_at.isoformat(),
        ),
        token=token,
        next_attempt_at=now,
        give_up_at=invitation.expires_at,
        created_at=now,
    )


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
    invitees: Sequence[_Invitee], tokens: Sequence[str], *, now: datetime, expires_at: datetime
) -> list[Invitation]:
    """Each one's open invitation with a new link, or a new one; older links die here."""
    newest = await newest_invitations_of([user.id for user, _, _ in invitees])
    fresh: list[Invitation] = []
    renewed: list[Invitation] = []
    invitations = []
    for (user, membership, _), found, token in zip(invitees, newest, tokens, strict=True):
        if found is None or found.status is InvitationStatus.SUPERSEDED:
            invitation = Invitation(
                id=new_id(),
                organization_id=user.organization_id,
                user_id=user.id,
                send_count=0,
                # Later than the one before, also if the clock was set back since.
                created_at=max(now, found.created_at + A_MOMENT) if found else now,
            )
            fresh.append(invitation)
        else:
            invitation = found
            renewed.append(invitation)
        invitation.status = InvitationStatus.PENDING
        invitation.token_hash = hash_of(token)
        invitation.sent_to = user.primary_email_address
        invitation.sent_by_id = membership.user_id
        invitation.send_count += 1
        invitation.expires_at = expires_at
        invitation.delivery = DeliveryStatus.QUEUED
        invitation.delivery_detail = None
        invitations.append(invitation)
    if fresh:
        await Invitation.bulk_create(fresh)
    for invitation in renewed:
        await invitation.save()
    return invitations


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
    record_of_user(
        caller,
        AuditAction.INVITATION_REVOKED,
        user,
        actor_id=membership.user_id,
        changes=changes_between({"status": "PENDING"}, {"status": "REVOKED"}),
        now=now,
    )
    return invitation
