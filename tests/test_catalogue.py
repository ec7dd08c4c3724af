import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from gateway.catalog_file import InvalidCatalogue, parse_catalogue, read_catalogue
from models.accounts import Account
from models.organizations import Organization, ProductRelease
from models.services import (
    CatalogueVersion,
    Role,
    Service,
    ServiceSubscription,
    SubscriptionStatus,
)
from models.users import RoleAssignment, User, UserStatus
from resolvers.catalogue import current_catalogue
from resolvers.catalogue_changes import (
    CatalogueInUse,
    DeclaredRole,
    DeclaredService,
    apply_catalogue,
)

ORPHANED = (
    "service sites can't change its service-administrator role: "
    "1 subscription would be left without an administrator"
)


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def declared_role(code: str, *, administrates: bool = False, name: str = "") -> DeclaredRole:
    return DeclaredRole(
        code=code,
        name=name or code,
        description=f"The {code}.",
        is_service_administrator=administrates,
        actions=("site:read",),
    )


def declared_service(
    code: str, roles: Sequence[DeclaredRole] = (), *, name: str = ""
) -> DeclaredService:
    return DeclaredService(
        code=code,
        name=name or code,
        description=f"The {code}.",
        releases=("AX_2012",),
        countries_or_regions=None,
        roles=tuple(roles) or (declared_role("admin", administrates=True), declared_role("member")),
    )


async def version() -> int:
    [row] = await CatalogueVersion.all()
    return int(row.version)


async def ids() -> dict[str, UUID]:
    found = {row.code: row.id for row in await Service.all()}
    for role in await Role.all().select_related("service"):
        found[f"{role.service.code}/{role.code}"] = role.id
    return found


async def subscribe(service_code: str, *held: str, associated: bool = True) -> User:
    """An organization with a user who holds these roles of the service it has signed up for."""
    service = await Service.get(code=service_code)
    organization = await Organization.create(
        name="Contoso",
        country_or_region="US",
        product_release=ProductRelease.AX_2012,
        created_at=NOW,
    )
    await ServiceSubscription.create(
        organization=organization,
        service=service,
        status=SubscriptionStatus.ACTIVE,
        signed_up_at=NOW,
    )
    account = await Account.create(
        issuer="https://id.example",
        subject=str(organization.id),
        microsoft_account="alice@live.example",
        microsoft_account_key="alice@live.example",
        created_at=NOW,
        last_sign_in_at=NOW,
    )
    user = await User.create(
        organization=organization,
        first_name="Alice",
        last_name="Archer",
        sort_name="archer alice",
        microsoft_account="alice@live.example",
        microsoft_account_key="alice@live.example",
        primary_email_address="alice@contoso.example",
        primary_email_address_key="alice@contoso.example",
        status=UserStatus.ASSOCIATED if associated else UserStatus.NOT_INVITED,
        account=account if associated else None,
        created_at=NOW,
        updated_at=NOW,
    )
    for code in held:
        await RoleAssignment.create(
            organization=organization,
            user=user,
            service=service,
            role=await Role.get(service=service, code=code),
            granted_at=NOW,
        )
    return user


@pytest.mark.usefixtures("database")
async def test_applying_twice_changes_nothing_the_second_time() -> None:
    first = await apply_catalogue(read_catalogue(None), now=NOW)
    before = await ids()
    second = await apply_catalogue(read_catalogue(None), now=NOW)

    assert "added service commerce-services" in first
    assert "added role rapidstart-services/configurator" in first
    assert (second, await ids(), await version()) == ([], before, 1)


@pytest.mark.usefixtures("database")
async def test_the_shipped_catalogue_is_what_the_gateway_reads_back() -> None:
    """Rules 11 and 12: which service is available on which release, and in which country."""
    await apply_catalogue(read_catalogue(None), now=NOW)
    catalogue = await current_catalogue()
    by_code = {service.code: service for service in catalogue.services.values()}

    assert {code: [role.name for role in by_code[code].roles] for code in by_code} == {
        "commerce-services": [
            "Service administrator",
            "Catalog manager",
            "Order processor",
            "Viewer",
        ],
        "sites-services": ["Sites Administrators", "Sites Users"],
        "payment-services": ["Service administrator", "Payment processor", "Auditor"],
        "rapidstart-services": ["Administrator", "Designer", "Configurator", "Viewer"],
    }
    assert {by_code[code].administrator_role.code for code in by_code} == {"service-administrator"}
    assert by_code["commerce-services"].releases == {
        "AX_2012",
        "AX_2012_FEATURE_PACK",
        "AX_2012_R2",
    }
    assert by_code["commerce-services"].countries_or_regions == frozenset({"US"})
    assert "AX_2012_R3" in by_code["sites-services"].releases


@pytest.mark.usefixtures("database")
async def test_a_change_keeps_ids_and_counts_the_version_up() -> None:
    await apply_catalogue([declared_service("sites"), declared_service("shop")], now=NOW)
    before = await ids()
    changes = await apply_catalogue(
        [declared_service("shop", name="sites"), declared_service("sites", name="shop")], now=NOW
    )

    assert changes == [
        "changed service shop: name, position",
        "changed service sites: name, position",
    ]
    assert (await ids(), await version()) == (before, 2)


@pytest.mark.usefixtures("database")
async def test_roles_can_exchange_names_and_the_administrators_place_while_unused() -> None:
    await apply_catalogue([declared_service("sites")], now=NOW)
    before = await ids()
    await apply_catalogue(
        [
            declared_service(
                "sites",
                [
                    declared_role("member", administrates=True, name="admin"),
                    declared_role("admin", name="member"),
                ],
            )
        ],
        now=NOW,
    )
    catalogue = await current_catalogue()
    [service] = catalogue.services.values()

    assert (service.administrator_role.code, service.administrator_role.name) == ("member", "admin")
    assert await ids() == before


@pytest.mark.usefixtures("database")
async def test_what_nobody_uses_is_removed() -> None:
    await apply_catalogue([declared_service("sites"), declared_service("shop")], now=NOW)
    changes = await apply_catalogue(
        [declared_service("sites", [declared_role("admin", administrates=True)])], now=NOW
    )

    assert changes == [
        "removed role shop/admin",
        "removed role shop/member",
        "removed role sites/member",
        "removed service shop",
    ]
    assert set(await ids()) == {"sites", "sites/admin"}


@pytest.mark.usefixtures("database")
async def test_what_is_in_use_cannot_vanish_and_each_is_named() -> None:
    await apply_catalogue([declared_service("sites"), declared_service("shop")], now=NOW)
    await subscribe("shop", "admin")
    await subscribe("shop", "admin", "member")
    await subscribe("sites", "admin", "member")
    before = await ids()
    with pytest.raises(CatalogueInUse) as refusal:
        await apply_catalogue(
            [declared_service("sites", [declared_role("admin", administrates=True)])], now=NOW
        )

    assert refusal.value.reasons == (
        "role shop/admin can't be removed: 2 users hold it",
        "role shop/member can't be removed: 1 user holds it",
        "role sites/member can't be removed: 1 user holds it",
        "service shop can't be removed: 2 organizations signed up for it",
    )
    assert (await ids(), await version()) == (before, 1)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("held", "associated", "refused"),
    [
        (("admin",), True, True),
        (("admin", "member"), False, True),
        (("admin", "member"), True, False),
    ],
)
async def test_a_service_in_use_cannot_lose_its_administrators_to_another_choice_of_role(
    held: tuple[str, ...], *, associated: bool, refused: bool
) -> None:
    """Rule 37, by way of the catalogue."""
    await apply_catalogue([declared_service("sites")], now=NOW)
    await subscribe("sites", *held, associated=associated)
    other = [declared_role("admin"), declared_role("member", administrates=True)]
    try:
        changes = await apply_catalogue([declared_service("sites", other)], now=NOW)
    except CatalogueInUse as refusal:
        changes = list(refusal.reasons)

    assert changes == (
        [ORPHANED]
        if refused
        else [
            "changed role sites/admin: is_service_administrator",
            "changed role sites/member: is_service_administrator",
        ]
    )


APPLY = """
import asyncio, sys
from datetime import UTC, datetime
from gateway.catalog_file import read_catalogue
from gateway.database import connected
from resolvers.catalogue_changes import apply_catalogue

async def main():
    async with connected(sys.argv[1]):
        changes = await apply_catalogue(read_catalogue(None), now=datetime.now(UTC))
        print(len(changes))

asyncio.run(main())
"""


async def test_two_processes_that_apply_at_once_end_well(database: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", APPLY, database, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    printed = [int((await process.communicate())[0]) for process in processes]
    expected = len(read_catalogue(None)) + sum(len(one.roles) for one in read_catalogue(None))

    assert sorted(printed) == [0, 0, expected]
    assert await version() == 1


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidCatalogue) as refusal:
        parse_catalogue(text)
    return list(refusal.value.problems)


def test_everything_wrong_with_a_file_is_said_at_once() -> None:
    text = """
        colour = "blue"

        [[services]]
        code = "Sites Services"
        name = ""
        description = "Web sites."
        releases = ["AX_2009"]
        countries_or_regions = ["XX"]

        [[services.roles]]
        code = "admin"
        name = "Admin"
        description = "All."
        service_administrator = "yes"
        actions = ["publish", "site:read", "site:read"]

        [[services]]
        code = "shop"
        name = "Shop"
        description = "A shop."
        releases = []
        roles = []
    """
    service, role = "[[services]] no. 1 'Sites Services'", "[[services.roles]] no. 1 'admin'"
    shop = "[[services]] no. 2 'shop'"
    releases = "one of AX_2012, AX_2012_FEATURE_PACK, AX_2012_R2, AX_2012_R3"
    country = "an ISO 3166-1 alpha-2 code, such as US"

    assert problems_of(text) == [
        f"{service}: code = 'Sites Services' must look like service-administrator",
        f"{service}: name = '' must be one line of 1 to 120 characters, without space around",
        f"{service}: releases: 'AX_2009' is unknown, and must be {releases}",
        f"{service}: countries_or_regions: 'XX' is unknown, and must be {country}",
        f"{service} {role}: service_administrator = 'yes' must be true or false",
        f"{service} {role}: actions = 'site:read' is there 2 times",
        f"{service} {role}: actions: 'publish' must look like catalog:publish",
        f"{service}: just one role must have service_administrator = true, not none",
        f"{shop}: releases = [] must be a list of one text or more",
        f"{shop}: needs one [[services.roles]] table or more",
        f"{shop}: just one role must have service_administrator = true, not none",
        "the file: colour = 'blue' is unknown, known are services",
    ]


def test_codes_and_names_are_there_once() -> None:
    role = """
        [[services.roles]]
        code = "admin"
        name = "Admin"
        description = "All."
        service_administrator = true
        actions = ["site:read"]
    """
    service = """
        [[services]]
        code = "sites"
        name = "Sites"
        description = "Web sites."
        releases = ["AX_2012"]
    """
    sites = "[[services]] no. 1 'sites'"

    assert problems_of(service + role + role + service + role) == [
        f"{sites}: role code = 'admin' is there 2 times",
        f"{sites}: role name = 'Admin' is there 2 times",
        f"{sites}: just one role must have service_administrator = true, not admin, admin",
        "[[services]]: code = 'sites' is there 2 times",
        "[[services]]: name = 'Sites' is there 2 times",
    ]


def test_a_file_that_is_not_toml_or_not_there_is_refused(tmp_path: Path) -> None:
    [not_toml] = problems_of("services = ")
    with pytest.raises(InvalidCatalogue) as refusal:
        read_catalogue(tmp_path / "absent.toml")

    assert not_toml.startswith("not TOML: ")
    assert "absent.toml can't be read" in str(refusal.value)
