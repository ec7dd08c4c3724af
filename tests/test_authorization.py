"""Who is answered what: every field and mutation of the graph, against `authorization.toml`."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from resolvers.sessions import caller_of_session
from tests import walks
from tests.people import Gateway, Person
from tests.world import World, build_world

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("authorization.toml").read_text())
CALLERS = list(TABLE["callers"])

Outcome = str | list[str]


@pytest.fixture
async def world(
    gateway: Gateway, alice: Person, bob: Person, carol: Person, mallory: Person, contoso: str
) -> World:
    """Two organizations with one of everything."""
    people = {"alice": alice, "bob": bob, "carol": carol, "mallory": mallory}
    return await build_world(gateway, people, contoso)


def answer_for(caller: str, row: str | Mapping[str, Any]) -> Outcome:
    """What the table says that a caller is answered."""
    if isinstance(row, str):
        answer: Outcome = TABLE["answers"][row][caller]
        return answer
    if caller in row:
        own: Outcome = row[caller]
        return own
    like = answer_for(caller, row["like"])
    return row.get("gives", like) if like == "data" else like


def type_of(section: str) -> str:
    """The object type whose fields a section of the table lists."""
    return section.partition(" ")[0]


class Asking:
    """A caller who asks, and what he is answered, in the table's words."""

    def __init__(self, world: World, caller: str) -> None:
        self.world = world
        self.caller = caller
        self.person = world.callers[caller]
        self.names: dict[str, str] = {}

    async def arguments(self) -> dict[str, dict[str, Any]]:
        """The table's arguments with ids for names."""
        filled = self.world.fill(TABLE["arguments"], self.caller)
        return {key: await self.world.versions(each) for key, each in filled.items()}

    async def read(self, section: str, field: str) -> Outcome:
        """One field of a section, asked for alone."""
        arguments = await self.arguments()
        type_name = type_of(section)
        definition = walks.fields_of(type_name)[field]
        inner = walks.call(type_name, field, arguments)
        inner += walks.selection(get_named_type(definition.type), arguments)
        if section in TABLE["subjects"]:
            id_ = self.world.fill(TABLE["subjects"][section], self.caller)
            text = f"{{ node(id: {walks.literal(id_)}) {{ ... on {type_name} {{ {inner} }} }} }}"
            way = ["node"]
        else:
            route = (
                walks.way_along(TABLE["ways"][section], type_name)
                if section in TABLE["ways"]
                else walks.routes(arguments)[type_name]
            )
            text, way = walks.query(route, inner, arguments), [step.field for step in route]
        return self._outcome(await self._post(text), way, field)

    async def mutate(self, mutation: str) -> dict[str, Outcome]:
        """Every field of a mutation's payload, the mutation being sent once."""
        payload = get_named_type(walks.fields_of("Mutation")[mutation].type)
        arguments = {f"Mutation.{mutation}": await self.given("Mutation", mutation)}
        body = await self.send("Mutation", mutation, arguments)
        self.names |= await self.world.names()
        return {
            f"{section} of {mutation}.{field}": self._outcome(body, [mutation, *way], field)
            for section, way in payload_types(payload.name)
            for field in walks.fields_of(section)
        }

    async def provoke(self, error: str, provocation: Mapping[str, Any]) -> dict[str, Outcome]:
        """Every field of an error that a mutation is made to answer with."""
        mutation = provocation["mutation"]
        given = await self.world.versions(self.world.fill(provocation["arguments"], self.caller))
        arguments = {f"Mutation.{mutation}": given}
        inner = " ".join(
            walks.call(error, name, {})
            + walks.selection(get_named_type(walks.fields_of(error)[name].type), {})
            for name in walks.fields_of(error)
        )
        way = provocation["way"]
        text = f"... on {error} {{ {inner} }}"
        for name in reversed(way):
            text = f"{name} {{ {text} }}"
        call = walks.call("Mutation", mutation, arguments)
        body = await self._post(f"mutation {{ {call} {{ {text} }} }}")
        self.names |= await self.world.names()
        return {
            f"{error}.{field}": self._outcome(body, [mutation, *way], field)
            for field in walks.fields_of(error)
        }

    async def given(self, root: str, field: str) -> dict[str, Any]:
        """The table's arguments for a field of a root."""
        table = TABLE["mutations"] if root == "Mutation" else TABLE["arguments"]
        given = table[field if root == "Mutation" else f"{root}.{field}"]
        filled: dict[str, Any] = await self.world.versions(self.world.fill(given, self.caller))
        return filled

    async def send(self, root: str, field: str, arguments: Mapping[str, Mapping[str, Any]]) -> Any:
        """The whole answer to one field of a root."""
        type_ = get_named_type(walks.fields_of(root)[field].type)
        text = walks.call(root, field, arguments) + walks.selection(type_, arguments)
        return await self._post(f"{root.lower()} {{ {text} }}")

    async def _post(self, text: str) -> Any:
        response = await self.person.post(text)
        return "401" if response.status_code == 401 else response.json()

    def _outcome(self, body: Any, way: list[str], field: str) -> Outcome:
        if body == "401":
            return "401"
        if body.get("errors"):
            return ", ".join(dict.fromkeys(e["extensions"]["code"] for e in body["errors"]))
        parents = [each for each in walks.follow(body["data"], way) if field in each]
        if not parents:
            return "absent"
        values = walks.follow(parents, [field])
        if not values:
            lists = [each for each in parents if isinstance(each[field], list)]
            return "none" if lists else "null"
        return self._described(values)

    def _described(self, values: list[Any]) -> Outcome:
        rows = [each for each in values if isinstance(each, dict)]
        private = [self.names[each["id"]] for each in rows if each.get("id") in self.names]
        if private:
            return list(dict.fromkeys(private))
        codes = [each["code"] for each in rows if str(each.get("__typename"))[-5:] == "Error"]
        if codes:
            return codes
        if all(isinstance(each, bool) for each in values):
            return " ".join(dict.fromkeys("yes" if each else "no" for each in values))
        return "data"


def payload_types(payload: str) -> list[tuple[str, list[str]]]:
    """A payload's type and those of its rows, with the way to each."""
    found: list[tuple[str, list[str]]] = [(payload, [])]
    for name, field in walks.fields_of(payload).items():
        named = get_named_type(field.type)
        if isinstance(named, GraphQLObjectType) and not walks.is_node(named):
            found.append((named.name, [name]))
    return found


def reading_sections() -> list[str]:
    """The sections whose fields are read, each field for itself."""
    return [
        section
        for section in TABLE["fields"]
        if " of " not in section and section not in TABLE["provocations"]
    ]


@pytest.mark.parametrize("caller", CALLERS)
async def test_every_field_answers_each_caller_as_the_table_says(world: World, caller: str) -> None:
    asking = Asking(world, caller)
    asking.names = await world.names()
    expected: dict[str, Outcome] = {}
    seen: dict[str, Outcome] = {}
    for section in reading_sections():
        for field, row in TABLE["fields"][section].items():
            expected[f"{section}.{field}"] = answer_for(caller, row)
            seen[f"{section}.{field}"] = await asking.read(section, field)

    assert seen == expected


@pytest.mark.parametrize("caller", CALLERS)
async def test_every_mutation_answers_each_caller_as_the_table_says(
    world: World, caller: str
) -> None:
    asking = Asking(world, caller)
    expected: dict[str, Outcome] = {}
    seen: dict[str, Outcome] = {}
    for error, provocation in TABLE["provocations"].items():
        seen |= await asking.provoke(error, provocation)
        expected |= {
            f"{error}.{field}": answer_for(caller, row)
            for field, row in TABLE["fields"][error].items()
        }
    for mutation in TABLE["mutations"]:
        seen |= await asking.mutate(mutation)
        expected |= {
            f"{section}.{field}": answer_for(caller, row)
            for section, fields in TABLE["fields"].items()
            if section.endswith(f" of {mutation}")
            for field, row in fields.items()
        }

    assert seen == expected


async def test_every_mutation_is_told_by_the_transactions_that_last_changed_the_organization(
    world: World,
) -> None:
    """By them a read replica is known to hold the change; SQLite has none, and no such number."""
    asking = Asking(world, "administrator")
    has_replicas = world.gateway.database_url.startswith("postgres")

    async def last_writers() -> tuple[int | None, ...]:
        cookie = asking.person.cookie or ""
        caller = await caller_of_session(
            cookie, request_id="test", now=world.gateway.clock(), with_writers=True
        )
        return caller.last_writers if caller else ()

    # Those are of sessions and tokens, hers and Oscar's: `test_read_replica` ends her own.
    mutations = [each for each in TABLE["mutations"] if each not in OF_CREDENTIALS]
    told = []
    for mutation in mutations:
        before = await last_writers()
        await asking.mutate(mutation)
        if await last_writers() != before:
            told.append(mutation)

    assert told == (mutations if has_replicas else [])


OF_CREDENTIALS = {"endSession", "revokeAccessToken", "signOut"}


def test_the_table_has_a_row_for_every_field_and_mutation() -> None:
    listed: dict[str, set[str]] = {}
    for section, fields in TABLE["fields"].items():
        listed.setdefault(type_of(section), set()).update(fields)
    there = {
        type_.name: set(type_.fields)
        for type_ in [*walks.object_types(), walks.graph().query_type]
        if type_ is not None and type_.name not in TABLE["unreachable"]
    }

    payloads = {
        f"{section} of {mutation}"
        for mutation, field in walks.fields_of("Mutation").items()
        for section, _ in payload_types(get_named_type(field.type).name)
    }

    streams = {
        f"{get_named_type(field.type).name}{whose} of {subscription}"
        for subscription, field in walks.fields_of("Subscription").items()
        for whose in ("", " (oneself)")
    }

    assert listed == there
    assert {section for section in TABLE["fields"] if " of " in section} == payloads | streams
    assert set(TABLE["mutations"]) == set(walks.fields_of("Mutation"))
    assert set(TABLE["subscriptions"]) == set(walks.fields_of("Subscription"))
    assert {type_.name for type_ in walks.object_types()} >= set(TABLE["unreachable"])


def test_the_table_has_an_answer_for_every_caller() -> None:
    rows = TABLE["answers"]

    assert {name: set(row) - {"why"} for name, row in rows.items()} == {
        name: set(CALLERS) for name in rows
    }


PUBLIC_SLOTS = {"serviceId", "roleIds", "set", "add", "remove", "addAll", "removeAll"}
"""These name services and roles, which are everybody's to know."""


def slots_to_try() -> list[tuple[str, tuple[str, ...]]]:
    """Every place of an id of a private row, as root and way."""
    return [
        (root, slot)
        for root in ("Query", "Mutation")
        for slot in walks.id_slots(root)
        if slot[-1] not in PUBLIC_SLOTS and slot[0] not in {"service", "role"}
    ]


def with_id(value: Any, way: Sequence[str], id_: str) -> Any:
    """The value with another id, or one alone, at the end of the way."""
    if isinstance(value, list):
        return [with_id(value[0], way, id_)]
    if not way:
        return id_
    return {**value, way[0]: with_id(value[way[0]], way[1:], id_)}


FORBIDDEN_IDS = {
    "stranger": ["Contoso", "Contoso's commerce", "Dora", "Dora's invitation", "Oscar's session",
                 "Oscar's token", "Contoso's first event", "nobody's event", "Contoso's webhook",
                 "Contoso's delivery", "Contoso's import"],
    "invited": ["Contoso", "Contoso's commerce", "Dora", "Dora's invitation", "Oscar's session",
                "Oscar's token", "Contoso's first event", "nobody's event", "Contoso's import"],
    "bare": ["Fabrikam", "Fabrikam's commerce", "Dora", "Dora's invitation", "Oscar's session",
             "Oscar's token", "Contoso's first event", "nobody's event", "Contoso's import"],
    "administrator": ["Fabrikam", "Fabrikam's commerce", "Mallory", "Oscar's session",
                      "Oscar's token", "nobody's event"],
    "reads": ["Fabrikam", "Fabrikam's commerce", "Mallory", "Oscar's session", "Oscar's token",
              "nobody's event"],
    "manages": ["Fabrikam", "Fabrikam's commerce", "Mallory", "Oscar's session", "Oscar's token",
                "nobody's event"],
}  # fmt: skip
"""What each of these callers may not know of."""


@pytest.mark.parametrize("caller", FORBIDDEN_IDS)
async def test_unknown_and_forbidden_ids_are_answered_alike_wherever_one_is_taken(
    world: World, statements: list[str], caller: str
) -> None:
    """Rule 6: the same answer, and the same statements, so the same time."""
    asking = Asking(world, caller)
    tried, different = 0, []
    for root, (field, *way) in slots_to_try():
        for name in FORBIDDEN_IDS[caller]:
            seen = []
            for id_ in (world.ids[name], world.unknown(name)):
                given = await asking.given(root, field)
                arguments = {f"{root}.{field}": with_id(given, way, id_)}
                statements.clear()
                body = await asking.send(root, field, arguments)
                seen.append((body, list(statements)))
            tried += 1
            if seen[0] != seen[1]:
                different.append((field, way, name, seen))

    assert different == []
    assert tried >= len(slots_to_try()) * 5


def counted() -> str:
    """How much all of this compares."""
    rows = sum(map(len, TABLE["fields"].values()))
    ids = sum(map(len, FORBIDDEN_IDS.values())) * len(slots_to_try())
    return (
        f"{len(CALLERS)} callers, {rows} fields in {len(TABLE['fields'])} sections, "
        f"{len(TABLE['mutations'])} mutations: {len(CALLERS) * rows} answers compared\n"
        f"{len(slots_to_try())} places of an id, {len(FORBIDDEN_IDS)} callers: "
        f"{ids} forbidden ids compared with unknown ones; all of this on both databases"
    )


def test_every_place_of_an_id_is_tried(record_property: Callable[[str, object], None]) -> None:
    record_property("counts", counted())

    assert sorted({slot[0] for _, slot in slots_to_try()}) == [
        *("activateSubscription", "checkAccess", "createUser", "createWebhook"),
        *("deactivateSubscription", "editUser", "editWebhook", "endSession", "importUsers"),
        *("invitation", "inviteUsers", "node", "nodes", "organization", "removeUsers"),
        *("removeWebhook", "replayWebhook", "revokeAccessToken", "revokeInvitations"),
        *("rotateWebhookSecret", "signUpForService", "user", "userImport", "users"),
    ]
