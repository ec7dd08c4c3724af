"""Roles granted and taken are always among those that the granter administers (rule 4)."""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from models.rows import new_id
from models.users import RoleAssignment, User
from resolvers.catalogue import Catalogue, current_catalogue
from schema.nodes import decode_id, encode_id
from tests import documents
from tests.people import Gateway, Person, associated

ADMINISTERED: dict[str, set[str]] = {
    "alice": {"commerce-services"},
    "carol": {"sites-services"},
    "bob": set(),
    "mallory": set(),
    "eve": {"commerce-services", "sites-services"},
}
"""The services of Contoso that each administers and that are in use."""

ROLES = st.one_of(st.integers(0, 5), st.integers(0, 19))
SERVICES = st.one_of(st.integers(0, 1), st.integers(0, 5))
"""Indexes into the catalogue; those past its end are ids of nothing."""

FORMS = {
    "set": st.lists(ROLES, max_size=4),
    "add": st.lists(ROLES, max_size=2),
    "remove": st.lists(ROLES, max_size=2),
    "addAll": st.lists(SERVICES, max_size=1),
    "removeAll": st.lists(SERVICES, max_size=1),
}

SELECTIONS = st.one_of(
    st.fixed_dictionaries({"set": FORMS["set"]}),
    st.fixed_dictionaries({}, optional={key: FORMS[key] for key in FORMS if key != "set"}),
    st.fixed_dictionaries({"add": FORMS["add"], "removeAll": FORMS["removeAll"]}),
    st.fixed_dictionaries({}, optional=dict(FORMS)),
)

slow_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def granters(
    gateway: Gateway, alice: Person, bob: Person, carol: Person, mallory: Person
) -> dict[str, Person]:
    """Everyone who tries to grant; Payment Services is signed up for, and deactivated."""
    organization = alice.user["organization"]["id"]
    payload = await alice.sign_up("payment-services", organizationId=organization)
    await alice.do(documents.DEACTIVATE, id=payload["subscription"]["id"])
    eve = await associated(
        alice,
        organization,
        "eve@live.example",
        role="commerce-services/service-administrator",
        name="Eve Ellis",
    )
    seen = await carol.see(eve.user)
    assert seen
    await carol.edit(
        seen, roles={"add": [await gateway.role("sites-services/service-administrator")]}
    )
    return {"alice": alice, "bob": bob, "carol": carol, "mallory": mallory, "eve": eve}


@pytest.fixture
async def dora(gateway: Gateway, alice: Person, contoso: str) -> dict[str, Any]:
    """A user of Contoso."""
    viewer = await gateway.role("commerce-services/viewer")
    user: dict[str, Any] = (await alice.create(contoso, roles={"set": [viewer]}))["user"]
    return user


def selection_of(moves: dict[str, list[int]], catalogue: Catalogue) -> dict[str, list[str]]:
    """The moves with ids for indexes."""
    roles = [encode_id("Role", id_) for id_ in catalogue.roles]
    services = [encode_id("Service", id_) for id_ in catalogue.services]
    return {
        form: [
            (ids[index] if index < len(ids) else encode_id("Role", new_id()))
            for ids in [services if form.endswith("All") else roles]
            for index in indexes
        ]
        for form, indexes in moves.items()
    }


async def hold(user: User, catalogue: Catalogue, indexes: set[int]) -> None:
    """Make the user hold these roles of the catalogue and no others."""
    await RoleAssignment.filter(user_id=user.id).delete()
    roles = list(catalogue.roles.values())
    for role in (roles[index] for index in sorted(indexes) if index < len(roles)):
        await RoleAssignment.create(
            organization_id=user.organization_id,
            user_id=user.id,
            service_id=role.service_id,
            role_id=role.id,
            granted_at=user.created_at,
        )


async def held_by(user_id: Any) -> set[tuple[str, str]]:
    """The roles of a user, as codes of service and role."""
    rows = await RoleAssignment.filter(user_id=user_id).prefetch_related("role", "service")
    return {(row.service.code, row.role.code) for row in rows}


@slow_examples
@given(
    granter=st.sampled_from(["eve", "alice", "eve", "carol", "bob", "mallory"]),
    held=st.sets(ROLES, max_size=5),
    moves=SELECTIONS,
)
async def test_an_edit_moves_only_roles_that_the_granter_administers(
    granters: dict[str, Person],
    dora: dict[str, Any],
    granter: str,
    held: set[int],
    moves: dict[str, list[int]],
) -> None:
    """By any combination of the forms; and a refused edit moves none at all."""
    catalogue = await current_catalogue()
    user = await User.get(id=decode_id("User", dora["id"]))
    await hold(user, catalogue, held)
    before = await held_by(user.id)

    payload = await granters[granter].edit(
        {"id": encode_id("User", user.id), "version": user.version},
        roles=selection_of(moves, catalogue),
    )

    after = await held_by(user.id)
    event(f"{len(before ^ after)} roles moved")
    assert {service for service, _ in before ^ after} <= ADMINISTERED[granter]
    assert not payload["userErrors"] or after == before


@slow_examples
@given(
    granter=st.sampled_from(["eve", "alice", "eve", "carol", "bob", "mallory"]), moves=SELECTIONS
)
async def test_a_new_user_holds_only_roles_that_the_granter_administers(
    granters: dict[str, Person], contoso: str, granter: str, moves: dict[str, list[int]]
) -> None:
    catalogue = await current_catalogue()

    payload = await granters[granter].create(
        contoso,
        microsoftAccount=f"{new_id()}@live.example",
        roles=selection_of(moves, catalogue),
    )

    user = payload["user"]
    granted = await held_by(decode_id("User", user["id"])) if user else set()
    assert {service for service, _ in granted} <= ADMINISTERED[granter]
    assert bool(granted) != bool(payload["userErrors"])
