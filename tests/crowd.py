"""An organization with ten thousand users, inserted at once as an import would."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.catalog_file import read_catalogue
from gateway.database import connected, migrate
from models.accounts import Account
from models.names import words_of
from models.organizations import Organization, ProductRelease
from models.services import ServiceSubscription, SubscriptionStatus
from models.users import RoleAssignment, User, UserStatus, UserWord
from resolvers.catalogue import Catalogue, current_catalogue
from resolvers.catalogue_changes import apply_catalogue
from resolvers.profiles import new_profile
from tests.people import BEGINNING, ISSUER

SIZE = 10_000
ALICE = "alice@live.example"

FIRST_NAMES = ("Ann", "Ben", "Cleo", "Dan", "Émile", "Flo", "Gus")
SYLLABLES = ("ba", "co", "du", "fe", "gi", "ho", "ka", "le", "mi", "no")
SIGNED_IN_EACH = 25
"""One in so many has ever signed in; all others share a place in the order by last sign-in."""
IMPORTED_AT_ONCE = 2_500
"""So many have the same `created_at`, since an import has one moment."""


@dataclass(frozen=True)
class Crowd:
    """Where the ten thousand are."""

    database_url: str
    organization: Organization


async def gather_crowd(database_url: str) -> Crowd:
    """Fill an empty database: one big organization that Alice administers, and a small one."""
    async with connected(database_url):
        await migrate(database_url)
        await apply_catalogue(read_catalogue(None), now=BEGINNING)
        catalogue = await current_catalogue()
        crowded = await _organization("Contoso", catalogue)
        other = await _organization("Fabrikam", catalogue)
        account = await Account.create(
            issuer=ISSUER,
            subject=ALICE,
            microsoft_account=ALICE,
            microsoft_account_key=ALICE,
            last_sign_in_at=BEGINNING,
            created_at=BEGINNING,
        )
        users = [_user(crowded, number) for number in range(SIZE - 1)]
        alice = _named(crowded, "Alice", "Archer", ALICE, BEGINNING)
        alice.status, alice.account_id = UserStatus.ASSOCIATED, account.id
        await User.bulk_create([*users, alice], batch_size=500)
        await User.bulk_create([_user(other, number) for number in range(50)])
        await _index([*users, alice])
        await _grant(users, alice, catalogue)
    return Crowd(database_url, crowded)


async def _organization(name: str, catalogue: Catalogue) -> Organization:
    organization = await Organization.create(
        name=name,
        country_or_region="US",
        product_release=ProductRelease.AX_2012_R2,
        created_at=BEGINNING,
    )
    await ServiceSubscription.create(
        organization_id=organization.id,
        service_id=next(iter(catalogue.services)),
        status=SubscriptionStatus.ACTIVE,
        signed_up_at=BEGINNING,
    )
    return organization


def _user(organization: Organization, number: int) -> User:
    """Several people share each name; their order by name is not that of their making."""
    scattered = number * 7_919 % 1_000
    last_name = "".join(SYLLABLES[int(digit)] for digit in f"{scattered:03}").capitalize()
    first_name = FIRST_NAMES[number % len(FIRST_NAMES)]
    created_at = BEGINNING + timedelta(hours=number // IMPORTED_AT_ONCE)
    user = _named(organization, first_name, last_name, f"u{number}@live.example", created_at)
    user.status = (UserStatus.NOT_INVITED, UserStatus.INVITED, UserStatus.ASSOCIATED)[number % 3]
    if number % SIGNED_IN_EACH == 0:
        user.last_sign_in_at = BEGINNING + timedelta(seconds=number * 7_919 % SIZE)
    return user


def _named(
    organization: Organization, first_name: str, last_name: str, account: str, now: datetime
) -> User:
    return new_profile(
        organization_id=organization.id,
        first_name=first_name,
        last_name=last_name,
        microsoft_account=(account, account),
        primary_email_address=(f"{last_name}.{account}", f"{last_name}.{account}".lower()),
        now=now,
    )


async def _index(users: list[User]) -> None:
    words = [
        UserWord(organization_id=user.organization_id, user_id=user.id, word=word)
        for user in users
        for word in words_of(
            [user.first_name, user.last_name], [user.microsoft_account, user.primary_email_address]
        )
    ]
    await UserWord.bulk_create(words, batch_size=2_000)


async def _grant(users: list[User], alice: User, catalogue: Catalogue) -> None:
    service = next(iter(catalogue.services.values()))
    plain = [role for role in service.roles if not role.is_service_administrator]
    given = [
        (user, role)
        for number, user in enumerate(users)
        for role in plain[: 1 + number % len(plain)]
    ]
    assignments = [
        RoleAssignment(
            organization_id=user.organization_id,
            user_id=user.id,
            service_id=service.id,
            role_id=role.id,
            granted_by_id=alice.id,
            granted_at=BEGINNING,
        )
        for user, role in [*given, (alice, service.administrator_role)]
    ]
    await RoleAssignment.bulk_create(assignments, batch_size=2_000)
