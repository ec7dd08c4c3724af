"""Signing an organization up for a service (rules 7 to 12)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pycountry
from tortoise.expressions import F

from models.accounts import Account
from models.audit import AuditAction
from models.organizations import Organization, ProductRelease
from models.rows import new_id
from models.services import ServiceSubscription, SubscriptionStatus
from models.users import User, UserStatus
from resolvers.administration import administration
from resolvers.audit import changes_between, record
from resolvers.caller import Caller
from resolvers.catalogue import Catalogue, Service
from resolvers.denials import person_for, recording_denials
from resolvers.fields import MAX_ORGANIZATION_NAME_LENGTH, clean_address, clean_name
from resolvers.memberships import Membership, catalogue_for, memberships_of
from resolvers.profiles import grant_roles, insert_profile, new_profile
from resolvers.refusals import Code, Denial, Problems, refuse
from resolvers.seen import seen


@dataclass(frozen=True, kw_only=True, slots=True)
class NewOrganization:
    """An organization that signs up for its first service, and the person who does it."""

    name: str
    country_or_region: str
    product_release: ProductRelease
    first_name: str
    last_name: str
    primary_email_address: str


@dataclass(frozen=True, slots=True)
class SignUp:
    """What signing up leads to."""

    subscription: ServiceSubscription
    user: User


async def sign_up(
    caller: Caller,
    *,
    service_id: UUID,
    organization_id: UUID | None,
    new_organization: NewOrganization | None,
    now: datetime,
) -> SignUp:
    """Sign a present or a new organization up for a service, in one transaction (rule 7).

    The caller becomes the service's administrator, and of no other (rule 9). A repeat by him
    changes nothing and succeeds (rule 10).

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The organization is unknown to the caller; the service is not available to it
            (rules 11, 12); ALREADY_SIGNED_UP; or all problems of the form together. FORBIDDEN; an
            access token asks.
    """
    await person_for(caller, AuditAction.SERVICE_SIGNED_UP, now=now)
    catalogue = await catalogue_for(caller)
    service = catalogue.services.get(service_id)
    problems = Problems()
    if service is None:
        problems.add(Code.NOT_FOUND, "No service has this id.", "serviceId")
    if organization_id is not None and new_organization is not None:
        message = "Name an organization or describe a new one, not both."
        problems.add(Code.INVALID, message, "newOrganization")
    if organization_id is None and new_organization is None:
        message = "Name an organization or describe a new one."
        problems.add(Code.REQUIRED, message, "organizationId")
    if service is None or problems.found:
        if new_organization is not None:
            _cleaned(new_organization, problems, now=now)
        problems.raise_if_any()
        raise AssertionError  # a service that is None has been noted
    if organization_id is not None:
        return await _join(caller, service, organization_id, now=now)
    return await _found(caller, service, catalogue, new_organization, now=now)


async def _join(
    caller: Caller, service: Service, organization_id: UUID, *, now: datetime
) -> SignUp:
    async with recording_denials(caller, AuditAction.SERVICE_SIGNED_UP, now=now):
        await _member_for_sign_up(caller, service, organization_id)
        async with administration(caller, organization_id):
            membership = await _member_for_sign_up(caller, service, organization_id)
            user = await User.get(id=membership.user_id)
            present = await ServiceSubscription.get_or_none(
                organization_id=organization_id, service_id=service.id
            )
            if present is not None and service.id in membership.administered:
                return SignUp(present, user)
            if present is not None:
                message = f"{membership.organization.name} has signed up for {service.name}."
                raise refuse(Code.ALREADY_SIGNED_UP, message, ("serviceId",))
            user.version += 1
            user.updated_at = now
            await user.save(update_fields=["version", "updated_at"])
            return await _subscribe(caller, service, membership, user, now=now)


async def _member_for_sign_up(
    caller: Caller, service: Service, organization_id: UUID
) -> Membership:
    membership = (await memberships_of(caller)).get(organization_id)
    if membership is None:
        known = await Organization.exists(id=organization_id)
        raise refuse(
            Code.NOT_FOUND,
            "You belong to no organization with this id.",
            ("organizationId",),
            denial=Denial(organization_id if known else None, service_id=service.id),
        )
    return membership


async def _found(
    caller: Caller,
    service: Service,
    catalogue: Catalogue,
    new: NewOrganization | None,
    *,
    now: datetime,
) -> SignUp:
    if new is None:
        raise AssertionError  # the caller has refused this
    problems = Problems()
    organization, user = _cleaned(new, problems, now=now)
    problems.raise_if_any()
    account = caller.signed_in()
    user.microsoft_account = account.microsoft_account
    user.microsoft_account_key = account.microsoft_account_key
    user.last_sign_in_at = now
    user.account_id = account.id
    user.status = UserStatus.ASSOCIATED
    async with administration(caller):
        # Two sign-ups of one account line up here, so that a double click founds one organization.
        await Account.filter(id=account.id).update(last_sign_in_at=F("last_sign_in_at"))
        present = await _signed_up_before(caller, organization, service)
        if present is not None:
            return present
        await organization.save(force_create=True)
        await insert_profile(user)
        membership = Membership(organization, seen(user), catalogue, {}, frozenset())
        return await _subscribe(caller, service, membership, user, now=now)


async def _signed_up_before(
    caller: Caller, organization: Organization, service: Service
) -> SignUp | None:
    for membership in (await memberships_of(caller)).values():
        known = membership.organization
        if (
            (known.name, known.country_or_region, known.product_release)
            == (organization.name, organization.country_or_region, organization.product_release)
        ) and service.id in membership.administered:
            return SignUp(
                await ServiceSubscription.get(organization_id=known.id, service_id=service.id),
                await User.get(id=membership.user_id),
            )
    return None


def _cleaned(
    new: NewOrganization, problems: Problems, *, now: datetime
) -> tuple[Organization, User]:
    at = "newOrganization"
    country = new.country_or_region.strip().upper()
    if pycountry.countries.get(alpha_2=country) is None or len(country) != 2:  # noqa: PLR2004 - alpha-2
        message = "Country or region is not an ISO 3166-1 alpha-2 code, such as US."
        problems.add(Code.INVALID, message, at, "countryOrRegion")
    organization = Organization(
        id=new_id(),
        name=clean_name(problems, new.name, "Name", at, "name", limit=MAX_ORGANIZATION_NAME_LENGTH),
        country_or_region=country[:2],
        product_release=new.product_release,
        created_at=now,
    )
    user = new_profile(
        organization_id=organization.id,
        first_name=clean_name(problems, new.first_name, "First name", at, "firstName"),
        last_name=clean_name(problems, new.last_name, "Last name", at, "lastName"),
        microsoft_account=("", ""),
        primary_email_address=clean_address(
            problems, new.primary_email_address, "Primary e-mail address", at, "primaryEmailAddress"
        ),
        now=now,
    )
    return organization, user


async def _subscribe(
    caller: Caller, service: Service, membership: Membership, user: User, *, now: datetime
) -> SignUp:
    organization = membership.organization
    reason = service.unavailability(organization)
    if reason is not None:
        raise refuse(Code.FEATURE_NOT_AVAILABLE, reason, ("serviceId",))
    subscription = await ServiceSubscription.create(
        id=new_id(),
        organization_id=organization.id,
        service_id=service.id,
        status=SubscriptionStatus.ACTIVE,
        signed_up_at=now,
    )
    role = service.administrator_role
    await grant_roles(user, frozenset({role.id}), membership, now=now)
    record(
        caller,
        AuditAction.SERVICE_SIGNED_UP,
        organization_id=organization.id,
        subject=("ServiceSubscription", subscription.id, service.name),
        service_id=service.id,
        actor_id=user.id,
        changes=changes_between({}, {"serviceAdministrator": user.full_name}),
        now=now,
    )
    return SignUp(subscription, user)
