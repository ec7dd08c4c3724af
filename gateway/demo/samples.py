"""Sample organizations, made by the use cases themselves, with moments of the past as `now`."""

import random
from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from gateway.demo.builder import Builder, Crowd
from gateway.demo.people import ALICE, BOB, CAROL, DANA, FRANK, IVAN, NORA
from models.organizations import Organization, ProductRelease

SEED = 2012
"""The samples are the same each time."""


async def build_samples(*, issuer: str, now: datetime) -> None:
    """Fill an empty, migrated database that has the catalogue: about 370 users, all or none.

    `issuer` is the provider that the people sign in with. The last invitation waits in the outbox,
    so that whoever delivers mail delivers it first thing.

    Raises:
        SampleRefused: The catalogue is not the one that the gateway comes with.
    """
    crowd = Crowd(random.Random(SEED))  # noqa: S311 - samples, not secrets
    async with in_transaction():  # one commit instead of a thousand
        contoso = await _contoso(Builder(issuer, "contoso.example"), crowd, now=now)
        fabrikam = await _fabrikam(Builder(issuer, "fabrikam.example"), crowd, now=now)
        northwind = Builder(issuer, "northwind.example")
        await northwind.found(
            NORA, "Northwind Traders", ProductRelease.AX_2012, "commerce-services",
            at=now - timedelta(hours=1),
        )  # fmt: skip
        await fabrikam.hire(
            FRANK, [DANA], ["sites-services/sites-users"], at=now - timedelta(days=30), until=now
        )
        [ivan] = await contoso.create(
            ALICE, [IVAN], ["commerce-services/viewer"], at=now - timedelta(minutes=3)
        )
        await contoso.invite(ALICE, [ivan], at=now - timedelta(seconds=1))


async def _contoso(contoso: Builder, crowd: Crowd, *, now: datetime) -> Builder:
    begun = now - timedelta(days=420)
    await contoso.found(ALICE, "Contoso", ProductRelease.AX_2012_R2, "commerce-services", at=begun)
    await contoso.subscribe(ALICE, "payment-services", at=begun + timedelta(hours=1))
    hired = begun + timedelta(days=1)
    await contoso.hire(ALICE, [CAROL], ["commerce-services/viewer"], at=hired, until=now)
    for hours, service in ((30, "sites-services"), (31, "rapidstart-services")):
        await contoso.subscribe(CAROL, service, at=hired + timedelta(hours=hours))
    await contoso.hire(
        ALICE, [BOB], ["commerce-services/order-processor"], at=begun + timedelta(days=9), until=now
    )
    await contoso.hire(
        CAROL, [DANA], ["rapidstart-services/designer"], at=begun + timedelta(days=12), until=now
    )
    days = [20, 41, 63, 90, 118, 140, 171, 199, 230, 262, 287, 311, 340, 366, 389, 407, 415, 418]
    for number, day in enumerate(days):
        administrator = (ALICE, CAROL)[number % 2]
        roles = crowd.roles(CONTOSO_ROLES[administrator])
        at = begun + timedelta(days=day, minutes=crowd.chance.randrange(400))
        await contoso.hire(administrator, crowd.people(17), roles, at=at, until=now, crowd=crowd)
    await contoso.create(
        ALICE, crowd.people(9), crowd.roles(CONTOSO_ROLES[ALICE]), at=now - timedelta(hours=5)
    )
    return contoso


async def _fabrikam(fabrikam: Builder, crowd: Crowd, *, now: datetime) -> Builder:
    begun = now - timedelta(days=800)
    await fabrikam.found(
        FRANK, "Fabrikam", ProductRelease.AX_2012_R2, "commerce-services", at=begun
    )
    roles = ["commerce-services/catalog-manager"]
    hired = begun + timedelta(days=30)
    await fabrikam.hire(FRANK, crowd.people(16), roles, at=hired, until=now, crowd=crowd)
    # No use case upgrades an organization: its ERP does.
    await Organization.filter(name="Fabrikam").update(product_release=ProductRelease.AX_2012_R3)
    upgraded = begun + timedelta(days=500)
    await fabrikam.subscribe(FRANK, "sites-services", at=upgraded)
    for day in (510, 640, 770):
        at = begun + timedelta(days=day)
        roles = ["sites-services/sites-users"]
        await fabrikam.hire(FRANK, crowd.people(9), roles, at=at, until=now, crowd=crowd)
    return fabrikam


CONTOSO_ROLES = {
    ALICE: [
        "commerce-services/catalog-manager",
        "commerce-services/order-processor",
        "commerce-services/viewer",
        "payment-services/payment-processor",
        "payment-services/auditor",
    ],
    CAROL: [
        "sites-services/sites-users",
        "rapidstart-services/designer",
        "rapidstart-services/configurator",
        "rapidstart-services/viewer",
    ],
}
