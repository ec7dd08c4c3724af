"""Importing and exporting, as the tests do it."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import httpx2

from models.rows import new_id
from resolvers.import_work import claim_import, work_on
from resolvers.user_files import COLUMNS
from tests.documents import ERRORS
from tests.people import Person

IMPORT = (
    """
mutation Import($input: ImportUsersInput!) {
  importUsers(input: $input) { userImport { id status rowsTotal } userErrors { ...Errors } }
}
"""
    + ERRORS
)

SEEN = """
query Seen($id: ID!, $outcomes: [UserImportOutcome!]) {
  userImport(id: $id) {
    mode status rowsTotal rowsChecked rowsRefused rowsCreated problem finishedAt
    rows(outcomes: $outcomes, first: 100) {
      totalCount
      nodes { line microsoftAccount outcome user { firstName } userErrors { code message path } }
    }
  }
}
"""

VIEWER = "commerce-services:viewer"


def file_of(*rows: Sequence[str], header: Sequence[str] = COLUMNS) -> str:
    """A file as a spreadsheet writes it."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def row_of(name: str, *, roles: str = VIEWER, account: str | None = None) -> tuple[str, ...]:
    """A good row."""
    address = f"{name.lower()}@contoso.example"
    own = f"{name.lower()}@live.example" if account is None else account
    return name, "Doe", own, address, roles


async def start(person: Person, organization: str, text: str, mode: str) -> dict[str, Any]:
    """`importUsers`."""
    given = {"organizationId": organization, "csv": text, "mode": mode}
    return await person.do(IMPORT, input=given)


async def work(now: Callable[[], datetime], *, stop: asyncio.Event | None = None) -> int:
    """Work on every import that waits, as a gateway does; how many there were."""
    count = 0
    while True:
        lease_id = new_id()
        import_ = await claim_import(lease_id=lease_id, now=now())
        if import_ is None:
            return count
        await work_on(import_, lease_id=lease_id, now=now, stop=stop or asyncio.Event())
        count += 1
        if stop and stop.is_set():
            return count


async def see(person: Person, import_: dict[str, Any], *outcomes: str) -> dict[str, Any]:
    """`userImport` as it is now."""
    data = await person.ask(SEEN, id=import_["id"], outcomes=list(outcomes) or None)
    found: dict[str, Any] = data["userImport"]
    return found


async def until(look: Callable[[], Awaitable[object]]) -> None:
    """Wait until what is looked for is there."""
    async with asyncio.timeout(30):
        while True:
            if await look():
                return
            await asyncio.sleep(0.01)


async def run(person: Person, organization: str, text: str, mode: str) -> dict[str, Any]:
    """An import from its beginning to its end, as its page shows it."""
    begun = await start(person, organization, text, mode)
    assert begun["userErrors"] == []
    await work(person.gateway.clock)
    return await see(person, begun["userImport"])


async def export(person: Person, organization: str, **headers: str) -> httpx2.Response:
    """The download."""
    own = {"cookie": f"session={person.cookie}"} if person.cookie else {}
    return await person.gateway.client.get(
        f"/organizations/{organization}/users.csv", headers={**own, **headers}
    )
