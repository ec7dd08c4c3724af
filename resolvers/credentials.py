"""Whom a credential stands for: one statement tells it, with all that the request may need."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from resolvers.caller import Caller, PresentedToken, SignedInAccount
from resolvers.catalogue import catalogue_of_version
from resolvers.memberships import COLUMNS, memberships_in
from resolvers.statements import Statement, as_uuid

ACCOUNT_WIDTH = 5
"""How many columns of a row tell of account and catalogue."""

WRITERS = """organizations.{writer},
    (SELECT {writer} FROM audit_chains WHERE audit_chains.id = organizations.id)"""
"""The transactions that last changed an organization: whatever changes anything of it either lines
up at its row (`resolvers.administration`) or moves the end of its audit trail; most do both."""

NO_WRITERS = "NULL, NULL"
WRITERS_WIDTH = 2


class LookUp:
    """Finds credentials of one kind: their columns, and then those of their accounts.

    There is a row for each profile of the account, or one for an account without.
    """

    def __init__(self, table: str, *columns: str) -> None:
        self._by_hash = _statement(table, columns, "token_hash = $1", NO_WRITERS)
        self._by_hash_with_writers = _statement(table, columns, "token_hash = $1", WRITERS)
        self._by_id = _statement(table, columns, f"{table}.id = ANY($1::uuid[])", NO_WRITERS)

    async def by_hash(self, hash_: str, *, with_writers: bool) -> Sequence[Any]:
        """The rows of one; the writers are for who may read from a replica."""
        statement = self._by_hash_with_writers if with_writers else self._by_hash
        return await statement.rows(hash_)

    async def by_ids(self, ids: Sequence[UUID]) -> Sequence[Any]:
        """The rows of those that are there, without the writers."""
        return await self._by_id.rows(ids)


def _statement(table: str, columns: Sequence[str], where: str, writers: str) -> Statement:
    return Statement(f"""
SELECT {", ".join(f"{table}.{column}" for column in columns)}, accounts.id,
    accounts.microsoft_account, accounts.microsoft_account_key, accounts.display_name,
    (SELECT max(version) FROM catalogue_versions), {writers}, {COLUMNS}
FROM {table} JOIN accounts ON accounts.id = {table}.account_id
LEFT JOIN users ON users.account_id = accounts.id
LEFT JOIN organizations ON organizations.id = users.organization_id
WHERE {where}
ORDER BY users.id
""")  # noqa: S608 - nothing but our own names


async def caller_behind(
    rows: Sequence[Any],
    *,
    width: int,
    request_id: str,
    session_id: UUID | None = None,
    token: PresentedToken | None = None,
) -> Caller:
    """The caller that a credential's rows tell of; `width` is how many columns it has itself."""
    account_id, microsoft_account, key, name, version = rows[0][width : width + ACCOUNT_WIDTH]
    catalogue = await catalogue_of_version(version or 0)
    writers_at = width + ACCOUNT_WIDTH
    profiles_at = writers_at + WRITERS_WIDTH
    profiles = (row[profiles_at:] for row in rows)
    return Caller(
        request_id=request_id,
        account=SignedInAccount(
            id=as_uuid(account_id),
            microsoft_account=microsoft_account,
            microsoft_account_key=key,
            display_name=name,
        ),
        session_id=session_id,
        token=token,
        last_writers=tuple(each for row in rows for each in row[writers_at:profiles_at]),
        catalogue=catalogue,
        memberships=memberships_in(
            (each for each in profiles if each[0]), catalogue, token.scopes if token else None
        ),
    )
