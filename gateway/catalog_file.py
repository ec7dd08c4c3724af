"""The catalogue as a file in TOML, read and checked whole before anything is applied."""

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pycountry

from models.organizations import ProductRelease
from resolvers.catalogue_changes import DeclaredRole, DeclaredService

CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
ACTION = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*:[a-z][a-z0-9]*(?:-[a-z0-9]+)*")

RELEASES = [str(release) for release in ProductRelease]

MAX_CODE_LENGTH = 64
MAX_NAME_LENGTH = 120
MAX_DESCRIPTION_LENGTH = 2000


class InvalidCatalogue(Exception):  # noqa: N818 - sentences for the operator
    """The file can't be a catalogue; `problems` has one clear line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def shipped_catalogue() -> str:
    """The text of the catalogue that comes with the gateway."""
    return (resources.files("gateway") / "catalog.toml").read_text("utf-8")


def read_catalogue(file: Path | None) -> list[DeclaredService]:
    """The services of a file, or of the one that comes with the gateway.

    Raises:
        InvalidCatalogue: It can't be read, or is no catalogue.
    """
    if file is None:
        return parse_catalogue(shipped_catalogue())
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCatalogue([f"{file} can't be read: {error}"]) from None
    return parse_catalogue(text)


def parse_catalogue(text: str) -> list[DeclaredService]:
    """The services that a text in TOML declares.

    Raises:
        InvalidCatalogue: All that is wrong with it, each line with its table, key and value.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidCatalogue([f"not TOML: {error}"]) from None
    problems: list[str] = []
    top = _Table(document, "the file", problems)
    tables = top.tables("services", "[[services]]")
    services = [_service(table) for table in tables]
    top.refuse_other_keys()
    _refuse_doubles(problems, "[[services]]", "code", [service.code for service in services])
    _refuse_doubles(problems, "[[services]]", "name", [service.name for service in services])
    if problems:
        raise InvalidCatalogue(problems)
    return services


def _service(table: "_Table") -> DeclaredService:
    service = DeclaredService(
        code=table.code("code"),
        name=table.text("name", MAX_NAME_LENGTH),
        description=table.text("description", MAX_DESCRIPTION_LENGTH),
        releases=table.choices("releases", RELEASES, f"one of {', '.join(RELEASES)}"),
        countries_or_regions=table.optional_choices(
            "countries_or_regions", _countries(), "an ISO 3166-1 alpha-2 code, such as US"
        ),
        roles=tuple(_role(role) for role in table.tables("roles", "[[services.roles]]")),
    )
    table.refuse_other_keys()
    _refuse_doubles(table.problems, table.where, "role code", [role.code for role in service.roles])
    _refuse_doubles(table.problems, table.where, "role name", [role.name for role in service.roles])
    administrators = [role.code for role in service.roles if role.is_service_administrator]
    if len(administrators) != 1:
        table.note(
            "just one role must have service_administrator = true, "
            f"not {', '.join(administrators) or 'none'}"
        )
    return service


def _role(table: "_Table") -> DeclaredRole:
    role = DeclaredRole(
        code=table.code("code"),
        name=table.text("name", MAX_NAME_LENGTH),
        description=table.text("description", MAX_DESCRIPTION_LENGTH),
        is_service_administrator=table.flag("service_administrator"),
        actions=table.strings("actions"),
    )
    table.refuse_other_keys()
    for action in role.actions:
        if not ACTION.fullmatch(action):
            table.note(f"actions: {action!r} must look like catalog:publish")
    return role


def _countries() -> set[str]:
    return {country.alpha_2 for country in pycountry.countries}


def _refuse_doubles(problems: list[str], where: str, key: str, values: Sequence[str]) -> None:
    problems += [
        f"{where}: {key} = {value!r} is there {times} times"
        for value, times in Counter(values).items()
        if value and times > 1
    ]


@dataclass(slots=True)
class _Table:
    """A table of the file. Reading a key notes what is wrong with it, and goes on."""

    values: dict[str, Any]
    where: str
    problems: list[str]
    known: dict[str, None] = field(default_factory=dict)

    def note(self, problem: str) -> None:
        self.problems.append(f"{self.where}: {problem}")

    def tables(self, key: str, header: str) -> list["_Table"]:
        found = self._get(key)
        if not isinstance(found, list) or not found or not all(isinstance(t, dict) for t in found):
            self.note(f"needs one {header} table or more")
            return []
        within = "" if self.where == "the file" else f"{self.where} "
        return [
            _Table(
                values, f"{within}{header} no. {number} {values.get('code', '')!r}", self.problems
            )
            for number, values in enumerate(found, 1)
        ]

    def text(self, key: str, limit: int) -> str:
        found = self._get(key)
        if (
            not isinstance(found, str)
            or not found
            or len(found) > limit
            or found != found.strip()
            or not found.isprintable()
        ):
            self._refuse(
                key, found, f"be one line of 1 to {limit} characters, without space around"
            )
        return found if isinstance(found, str) else ""

    def code(self, key: str) -> str:
        found = self._get(key)
        if not isinstance(found, str) or not CODE.fullmatch(found) or len(found) > MAX_CODE_LENGTH:
            self._refuse(key, found, "look like service-administrator")
        return found if isinstance(found, str) else ""

    def flag(self, key: str) -> bool:
        found = self._get(key)
        if found is not None and not isinstance(found, bool):
            self._refuse(key, found, "be true or false")
        return found is True

    def strings(self, key: str) -> tuple[str, ...]:
        found = self._get(key)
        if (
            not isinstance(found, list)
            or not found
            or not all(isinstance(one, str) for one in found)
        ):
            self._refuse(key, found, "be a list of one text or more")
            return ()
        _refuse_doubles(self.problems, self.where, key, found)
        return tuple(found)

    def choices(self, key: str, allowed: Collection[str], named: str) -> tuple[str, ...]:
        found = self.strings(key)
        for one in found:
            if one not in allowed:
                self.note(f"{key}: {one!r} is unknown, and must be {named}")
        return found

    def optional_choices(
        self, key: str, allowed: Collection[str], named: str
    ) -> tuple[str, ...] | None:
        if self._get(key) is None:
            return None
        return self.choices(key, allowed, named)

    def refuse_other_keys(self) -> None:
        for key in self.values.keys() - self.known.keys():
            known = ", ".join(self.known)
            self.note(f"{key} = {self.values[key]!r} is unknown, known are {known}")

    def _refuse(self, key: str, found: object, must: str) -> None:
        said = f"{key} is missing, and" if found is None else f"{key} = {found!r}"
        self.note(f"{said} must {must}")

    def _get(self, key: str) -> Any:
        self.known[key] = None
        return self.values.get(key)
