"""Signing up, and what is available to whom: rules 7 to 14."""

import asyncio
from typing import Any

import pytest

from models.organizations import Organization, ProductRelease
from models.services import ServiceSubscription
from models.users import User
from resolvers.catalogue import current_catalogue
from tests import documents
from tests.people import Gateway, Person, associated

CODES = "{ organization(id: %s) { subscriptions { service { code } } } }"


def codes(payload: dict[str, Any]) -> list[str]:
    """The codes of a payload's problems."""
    return [error["code"] for error in payload["userErrors"]]


def problems(payload: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Code and path of a payload's problems."""
    return [(error["code"], error["path"]) for error in payload["userErrors"]]


async def install_r3(organization_name: str = "Contoso") -> None:
    """The organization's ERP is upgraded, outside of the gateway."""
    await Organization.filter(name=organization_name).update(
        product_release=ProductRelease.AX_2012_R3
    )


async def subscription_id(person: Person, contoso: str, service: str) -> str:
    """The id of a subscription of Contoso."""
    organization = (await person.ask(documents.ORGANIZATION, id=contoso))["organization"]
    ids = {each["service"]["code"]: each["id"] for each in organization["subscriptions"]}
    return str(ids[service])


async def test_signing_up_makes_the_caller_the_first_service_administrator(
    gateway: Gateway,
) -> None:
    """Rule 7."""
    alice = await gateway.person("alice@live.example")

    payload = await alice.sign_up("commerce-services", newOrganization=documents.CONTOSO)

    user = payload["user"]
    assert payload["userErrors"] == []
    assert user["selectedRoles"] == [
        {"code": "service-administrator", "service": {"code": "commerce-services"}}
    ]
    assert (user["status"], user["microsoftAccount"]) == ("ASSOCIATED", "alice@live.example")
    assert payload["subscription"]["status"] == "ACTIVE"
    assert payload["subscription"]["viewerIsServiceAdministrator"] is True
    assert payload["subscription"]["serviceAdministrators"] == [{"id": user["id"]}]


async def test_a_sign_up_that_is_refused_leaves_nothing(gateway: Gateway) -> None:
    """Rule 7: one transaction."""
    alice = await gateway.person("alice@live.example")
    form = {**documents.CONTOSO, "countryOrRegion": "DE"}

    payload = await alice.sign_up("commerce-services", newOrganization=form)

    assert codes(payload) == ["FEATURE_NOT_AVAILABLE"]
    assert (await Organization.all().count(), await User.all().count()) == (0, 0)
    assert await ServiceSubscription.all().count() == 0


async def test_signing_up_reports_all_problems_of_the_form(gateway: Gateway) -> None:
    """Rule 8: the organization is described whole, or not at all."""
    alice = await gateway.person("alice@live.example")
    form = {
        **documents.CONTOSO,
        "name": " ",
        "countryOrRegion": "Germany",
        "firstName": "",
        "lastName": "x" * 101,
        "primaryEmailAddress": "nowhere",
    }

    payload = await alice.sign_up("commerce-services", newOrganization=form)

    at = "newOrganization"
    assert sorted(problems(payload)) == [
        ("INVALID", [at, "countryOrRegion"]),
        ("INVALID", [at, "primaryEmailAddress"]),
        ("REQUIRED", [at, "firstName"]),
        ("REQUIRED", [at, "name"]),
        ("TOO_LONG", [at, "lastName"]),
    ]


async def test_an_organization_is_named_or_described_but_not_both(
    alice: Person, contoso: str
) -> None:
    """Rule 8."""
    neither = await alice.sign_up("sites-services")
    both = await alice.sign_up(
        "sites-services", organizationId=contoso, newOrganization=documents.CONTOSO
    )

    assert problems(neither) == [("REQUIRED", ["organizationId"])]
    assert problems(both) == [("INVALID", ["newOrganization"])]


async def test_country_or_region_is_what_signing_up_said(alice: Person, contoso: str) -> None:
    """Rule 8: no mutation takes it for an organization that exists."""
    organization = (await alice.ask(documents.ORGANIZATION, id=contoso))["organization"]

    assert (organization["countryOrRegion"], organization["productRelease"]) == ("US", "AX_2012_R2")
    assert organization["viewerProfile"] == {"id": alice.user["id"]}


async def test_a_member_who_signs_up_for_another_service_administers_that_one_only(
    bob: Person, contoso: str
) -> None:
    """Rule 9."""
    payload = await bob.sign_up("sites-services", organizationId=contoso)

    assert payload["userErrors"] == []
    organization = (await bob.ask(documents.ORGANIZATION, id=contoso))["organization"]
    administers = {
        each["service"]["code"]: each["viewerIsServiceAdministrator"]
        for each in organization["subscriptions"]
    }
    assert administers == {"commerce-services": False, "sites-services": True}


async def test_a_stranger_signs_no_organization_up(mallory: Person, contoso: str) -> None:
    """Rule 9: refused as if the organization did not exist."""
    known = await mallory.sign_up("sites-services", organizationId=contoso)
    unknown = await mallory.sign_up("sites-services", organizationId="T3JnYW5pemF0aW9uOg==")

    assert known == unknown
    assert problems(known) == [("NOT_FOUND", ["organizationId"])]


async def test_who_was_invited_but_never_associated_is_a_stranger_still(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 9."""
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    await alice.invite((await alice.create(contoso, roles=roles))["user"])
    dora = await gateway.person("dora@live.example")

    payload = await dora.sign_up("sites-services", organizationId=contoso)

    assert problems(payload) == [("NOT_FOUND", ["organizationId"])]


async def test_another_member_can_not_sign_up_again(bob: Person, contoso: str) -> None:
    """Rule 10."""
    payload = await bob.sign_up("commerce-services", organizationId=contoso)

    assert problems(payload) == [("ALREADY_SIGNED_UP", ["serviceId"])]


async def test_a_repeat_by_the_administrator_changes_nothing_and_succeeds(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 10: by the organization's id, and by the same description."""
    events = await gateway.events(action="SERVICE_SIGNED_UP")

    by_id = await alice.sign_up("commerce-services", organizationId=contoso)
    described = await alice.sign_up("commerce-services", newOrganization=documents.CONTOSO)

    assert by_id["user"] == described["user"] == alice.user
    assert by_id["userErrors"] == described["userErrors"] == []
    assert await Organization.all().count() == 1
    assert await gateway.events(action="SERVICE_SIGNED_UP") == events


async def test_two_sign_ups_at_once_found_one_organization(gateway: Gateway) -> None:
    """Rule 10: a double click."""
    alice = await gateway.person("alice@live.example")

    payloads = await asyncio.gather(
        *(alice.sign_up("commerce-services", newOrganization=documents.CONTOSO) for _ in range(4))
    )

    assert len({payload["user"]["id"] for payload in payloads}) == 1
    assert await Organization.all().count() == 1


@pytest.mark.parametrize("release", ["AX_2012", "AX_2012_FEATURE_PACK", "AX_2012_R2"])
async def test_commerce_services_is_available_before_r3(gateway: Gateway, release: str) -> None:
    """Rule 11."""
    alice = await gateway.person("alice@live.example")
    form = {**documents.CONTOSO, "productRelease": release}

    payload = await alice.sign_up("commerce-services", newOrganization=form)

    assert payload["userErrors"] == []


async def test_with_r3_installed_no_path_manages_users_of_commerce_services(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 11: FEATURE_NOT_AVAILABLE on every path."""
    role = await gateway.role("commerce-services/catalog-manager")
    service = (await gateway.services())["commerce-services"]["id"]
    added = (await alice.create(contoso, roles={"add": [role]}))["user"]
    emptied = (await alice.edit(added, roles={"remove": [role]}))["user"]
    erin = await gateway.person("erin@live.example")
    await install_r3()

    payloads = {
        "sign up": await erin.sign_up(
            "commerce-services",
            newOrganization={**documents.CONTOSO, "productRelease": "AX_2012_R3"},
        ),
        "create": await alice.create(
            contoso, microsoftAccount="x@y.example", roles={"add": [role]}
        ),
        "rename": await alice.edit(bob.user, firstName="Robert"),
        "grant": await alice.edit(bob.user, roles={"add": [role]}),
        "remove roles": await alice.edit(bob.user, roles={"removeAll": [service]}),
        "set": await alice.edit(bob.user, roles={"set": []}),
        "delete": (await alice.remove(emptied))["results"][0],
        "invite": (await alice.invite(emptied))["results"][0],
    }

    refused = {path: set(codes(payload)) for path, payload in payloads.items()}
    assert refused == {path: {"FEATURE_NOT_AVAILABLE"} for path in payloads}
    assert "Microsoft Dynamics AX 2012 R3" in payloads["create"]["userErrors"][0]["message"]


async def test_an_administrator_of_an_available_service_too_moves_only_its_roles_on_r3(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rules 11 and 12: the rule is service by release."""
    await alice.sign_up("sites-services", organizationId=contoso)
    await install_r3()
    commerce = await gateway.role("commerce-services/catalog-manager")
    sites = await gateway.role("sites-services/sites-users")

    refused = await alice.edit(bob.user, roles={"add": [sites, commerce]})
    granted = await alice.edit(bob.user, roles={"add": [sites]})

    assert problems(refused) == [("FEATURE_NOT_AVAILABLE", ["roles", "add", "1"])]
    assert granted["userErrors"] == []
    available = await alice.ask(
        "query ($id: ID!) { user(id: $id) { availableRoles { service { code } } } }",
        id=bob.user["id"],
    )
    assert {role["service"]["code"] for role in available["user"]["availableRoles"]} == {
        "sites-services"
    }


async def test_sites_services_is_available_on_r3(gateway: Gateway) -> None:
    """Rule 12."""
    alice = await gateway.person("alice@live.example")
    form = {**documents.CONTOSO, "productRelease": "AX_2012_R3", "countryOrRegion": "DE"}

    payload = await alice.sign_up("sites-services", newOrganization=form)

    assert payload["userErrors"] == []


async def test_commerce_services_is_for_the_usa_only(gateway: Gateway) -> None:
    """Rule 12."""
    alice = await gateway.person("alice@live.example")
    form = {**documents.CONTOSO, "countryOrRegion": "ca"}

    payload = await alice.sign_up("commerce-services", newOrganization=form)

    assert problems(payload) == [("FEATURE_NOT_AVAILABLE", ["serviceId"])]
    assert "CA" in payload["userErrors"][0]["message"]


async def test_reading_and_signing_out_work_while_the_feature_is_unavailable(
    alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 13."""
    await install_r3()

    organization = (await alice.ask(documents.ORGANIZATION, id=contoso))["organization"]
    user = await alice.see(bob.user)
    signed_out = await alice.do(documents.SIGN_OUT)

    assert organization["subscriptions"][0]["availability"] == {
        "available": False,
        "reason": "Commerce Services is not available if Microsoft Dynamics AX 2012 R3 is "
        "installed.",
    }
    assert user
    assert user["firstName"] == "Bob"
    assert signed_out["signedOutSessions"] == 1


async def test_while_deactivated_nobody_manages_the_roles_of_a_service(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 14."""
    role = await gateway.role("commerce-services/catalog-manager")
    added = (await alice.create(contoso, roles={"add": [role]}))["user"]
    id_ = await subscription_id(alice, contoso, "commerce-services")

    deactivated = await alice.do(documents.DEACTIVATE, id=id_)
    refusals = [
        await alice.create(contoso, microsoftAccount="x@y.example", roles={"add": [role]}),
        await alice.edit(bob.user, roles={"add": [role]}),
        (await alice.invite(added))["results"][0],
    ]
    activated = await alice.do(documents.ACTIVATE, id=id_)
    granted = await alice.edit(bob.user, roles={"add": [role]})

    assert deactivated["subscription"]["status"] == "DEACTIVATED"
    assert [codes(refusal) for refusal in refusals] == [["SERVICE_NOT_ACTIVE"]] * 3
    assert activated["subscription"]["status"] == "ACTIVE"
    assert granted["userErrors"] == []


async def test_activating_twice_changes_nothing(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 14."""
    id_ = await subscription_id(alice, contoso, "commerce-services")
    await alice.do(documents.DEACTIVATE, id=id_)

    payloads = [await alice.do(documents.ACTIVATE, id=id_) for _ in range(2)]

    assert [payload["subscription"]["status"] for payload in payloads] == ["ACTIVE", "ACTIVE"]
    assert len(await gateway.events(action="SERVICE_ACTIVATED")) == 1


async def test_only_an_administrator_of_the_service_deactivates_it(
    gateway: Gateway,
    alice: Person,
    bob: Person,
    carol: Person,
    mallory: Person,
    contoso: str,
) -> None:
    """Rules 4 and 14."""
    id_ = await subscription_id(alice, contoso, "commerce-services")

    payloads = [await each.do(documents.DEACTIVATE, id=id_) for each in (bob, carol, mallory)]

    assert [codes(payload) for payload in payloads] == [["FORBIDDEN"], ["FORBIDDEN"], ["NOT_FOUND"]]
    assert await gateway.anyone().errors(documents.DEACTIVATE, id=id_) == ["UNAUTHENTICATED"]
    assert (await ServiceSubscription.filter(status="ACTIVE").count()) == 3


async def test_who_holds_no_role_any_more_can_still_sign_the_organization_up(
    alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 9: a member is who is associated."""
    await alice.edit(bob.user, roles={"set": []})

    payload = await bob.sign_up("payment-services", organizationId=contoso)

    assert payload["userErrors"] == []


async def test_the_catalogue_is_open_to_everybody(gateway: Gateway) -> None:
    """Rule 2: each role authorizes actions, and each service has one administrator role."""
    data = await gateway.anyone().ask(documents.CATALOGUE)

    assert [service["code"] for service in data["services"]] == [
        "commerce-services",
        "sites-services",
        "payment-services",
        "rapidstart-services",
    ]
    for service in data["services"]:
        roles = service["roles"]
        assert [role["isServiceAdministrator"] for role in roles].count(True) == 1
        assert all(role["actions"] for role in roles)
    assert len((await current_catalogue()).roles) == sum(
        len(service["roles"]) for service in data["services"]
    )


async def test_an_invited_member_of_two_organizations_keeps_them_apart(
    alice: Person, mallory: Person, contoso: str
) -> None:
    """Rule 1: roles are held with respect to an organization and a service."""
    fabrikam = mallory.user["organization"]["id"]
    await associated(alice, contoso, "dora@live.example",
                     role="commerce-services/viewer", name="Dora Diaz")  # fmt: skip
    dora = await associated(
        mallory,
        fabrikam,
        "dora@live.example",
        role="commerce-services/service-administrator",
        name="Dora Diaz",
    )

    held = {
        profile["organization"]["name"]: [role["code"] for role in profile["selectedRoles"]]
        for profile in (
            await dora.ask(
                "{ viewer { profiles { organization { name } selectedRoles { code } } } }"
            )
        )["viewer"]["profiles"]
    }

    assert held == {"Contoso": ["viewer"], "Fabrikam": ["service-administrator"]}
    assert codes(await dora.create(contoso)) == ["FORBIDDEN"]
