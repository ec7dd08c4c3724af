"""Who is removed between a change and its answer: that is said, and is no defect."""

import asyncio
import logging
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import asyncpg

from models.users import User
from schema.nodes import decode_id
from tests.people import Gateway, Person

INVITE = """mutation ($input: InviteUsersInput!) { inviteUsers(input: $input) {
  results { invitation { status user { id } } userErrors { code } } userErrors { code } } }"""

EDIT = """mutation ($input: EditUserInput!) { editUser(input: $input) {
  user { firstName organization { name } } userErrors { code } } }"""


USERS_READ = re.compile(r"FROM users WHERE id (= ANY|IN)")
MEMBERSHIPS_READ = re.compile(r"WHERE account_id = ")


class Remover(logging.Handler):
    """Removes a profile right before a statement is sent."""

    def __init__(self, database_url: str, statement: re.Pattern[str], nth: int, user: UUID) -> None:
        super().__init__()
        self.left = nth
        self._database_url = database_url
        self._statement = statement
        self._user_id = user

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a statement, as Tortoise logs it before it is sent."""
        if not self._statement.search(record.getMessage()):
            return
        self.left -= 1
        if self.left == 0:
            # The gateway's own loop waits meanwhile, as if it were another process that removes.
            removal = threading.Thread(target=self._remove)
            removal.start()
            removal.join()

    def _remove(self) -> None:
        if self._database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self._database_url.removeprefix("sqlite://"))) as file:
                file.execute("PRAGMA foreign_keys = ON")
                file.execute("DELETE FROM users WHERE id = ?", [str(self._user_id)])
                file.commit()
        else:
            asyncio.run(self._remove_from_postgres())

    async def _remove_from_postgres(self) -> None:
        connection = await asyncpg.connect(self._database_url)
        await connection.execute("DELETE FROM users WHERE id = $1", self._user_id)
        await connection.close()


@contextmanager
def removed_before(
    nth: int, statement: re.Pattern[str], user: dict[str, Any], gateway: Gateway
) -> Iterator[None]:
    """The user is removed by someone else, right before the nth such statement."""
    remover = Remover(gateway.database_url, statement, nth, decode_id("User", user["id"]))
    logger = logging.getLogger("tortoise.db_client")
    level = logger.level
    logger.addHandler(remover)
    logger.setLevel(logging.DEBUG)
    yield
    logger.setLevel(level)
    logger.removeHandler(remover)
    assert remover.left <= 0


async def test_who_is_removed_right_after_he_was_invited(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    dora = (await alice.create(contoso, roles=roles))["user"]
    with removed_before(1, USERS_READ, dora, gateway):
        response = await alice.post(INVITE, input={"userIds": [dora["id"]]})

    assert response.json() == {
        "data": {
            "inviteUsers": {"results": [{"invitation": None, "userErrors": []}], "userErrors": []}
        },
        "errors": [
            {
                "message": "The user was removed meanwhile.",
                "locations": [{"line": 2, "column": 33}],
                "path": ["inviteUsers", "results", 0, "invitation", "user"],
                "extensions": {"code": "FORBIDDEN"},
            }
        ],
    }


async def test_who_is_removed_right_after_his_own_change(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    dora = (await alice.create(contoso, roles=roles))["user"]
    form = {"id": dora["id"], "version": dora["version"], "firstName": "Dorothy"}
    with removed_before(2, MEMBERSHIPS_READ, alice.user, gateway):
        response = await alice.post(EDIT, input=form)

    assert response.json() == {
        "data": {"editUser": {"user": None, "userErrors": []}},
        "errors": [
            {
                "message": "You belong to no organization with this id.",
                "locations": [{"line": 2, "column": 20}],
                "path": ["editUser", "user", "organization"],
                "extensions": {"code": "FORBIDDEN"},
            }
        ],
    }
    (changed,) = await User.filter(id=decode_id("User", dora["id"]))
    assert changed.first_name == "Dorothy"
