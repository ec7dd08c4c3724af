"""The data that is measured on: by the project's own migrations and catalogue, filled in by SQL."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from gateway.catalog_file import read_catalogue
from gateway.database import connected, migrate
from resolvers.catalogue_changes import apply_catalogue
from resolvers.secret_tokens import hash_of
from schema.nodes import encode_id

ADMINISTRATORS = 20
"""As many organizations, evenly spread, have a service administrator who is signed in."""

CONNECTIONS = 8
"""Of each contender to PostgreSQL."""

FIRST_NAMES = re.findall(
    r"\w+",
    "Alice Bob Carol David Erin Frank Grace Heidi Ivan Judy Karl Laura Mallory Niaj Olivia Peggy "
    "Quentin Rupert Sybil Trent Ursula Victor Wendy Xavier Yvonne Zoe",
)

LAST_NAMES = re.findall(
    r"\w+",
    "Archer Baker Carter Dyer Ellis Fisher Glover Harper Ingram Joiner Keeler Lister Mason Naylor "
    "Osborn Porter Quarrier Reeve Sawyer Tanner Usher Vintner Webster Yeoman Abbott Barker Chanter",
)

ORGANIZATIONS = """
INSERT INTO organizations
    (id, name, country_or_region, product_release, administration_epoch, created_at)
SELECT uuidv7(), $2 || ' ' || n, 'US', 'AX_2012_R2', 0,
    '2026-01-01Z'::timestamptz + n * '1 s'::interval
FROM generate_series(1, $1::int) n
"""

SUBSCRIPTIONS = """
INSERT INTO service_subscriptions (id, organization_id, service_id, status, signed_up_at)
SELECT uuidv7(), o.id, s.id, 'ACTIVE', o.created_at
FROM organizations o CROSS JOIN services s
WHERE s.code IN ('commerce-services', 'sites-services')
    AND NOT EXISTS (SELECT FROM service_subscriptions x WHERE x.organization_id = o.id)
"""

USERS = """
WITH places AS (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM organizations
    WHERE NOT EXISTS (SELECT FROM users WHERE organization_id = organizations.id)
), people AS (
    SELECT n, places.id AS organization_id,
        ($2::text[])[1 + n % cardinality($2::text[])] AS first_name,
        ($3::text[])[1 + n / 7 % cardinality($3::text[])] AS last_name
    FROM generate_series(0, $1::int - 1) n
    JOIN places ON places.place = n / ($1::int / (SELECT count(*) FROM places))
)
INSERT INTO users
    (id, organization_id, version, first_name, last_name, sort_name, microsoft_account,
    microsoft_account_key, primary_email_address, primary_email_address_key, status,
    created_at, updated_at, last_sign_in_at)
SELECT uuidv7(), organization_id, 1, first_name, last_name,
    lower(last_name || ', ' || first_name),
    first_name || '.' || n || '@live.example', lower(first_name) || '.' || n || '@live.example',
    first_name || n || '@example.com', lower(first_name) || n || '@example.com',
    CASE n % 3 WHEN 0 THEN 'INVITED' ELSE 'NOT_INVITED' END,
    '2026-02-01Z'::timestamptz + n * '1 s'::interval,
    '2026-02-01Z'::timestamptz + n * '1 s'::interval,
    CASE n % 2 WHEN 0 THEN '1970-01-01Z' ELSE '2026-03-01Z'::timestamptz + n * '1 s'::interval END
FROM people
"""

WORDS = """
INSERT INTO user_words (id, organization_id, user_id, word)
SELECT uuidv7(), organization_id, id, word
FROM users CROSS JOIN LATERAL (
    VALUES (lower(first_name)), (lower(last_name)),
        (microsoft_account_key), (primary_email_address_key)
) words (word)
WHERE NOT EXISTS (SELECT FROM user_words WHERE user_words.user_id = users.id)
"""

ASSIGNMENTS = """
WITH plain AS (
    SELECT roles.id, service_id, row_number() OVER (ORDER BY roles.id) - 1 AS place,
        count(*) OVER () AS total
    FROM roles WHERE NOT is_service_administrator
), people AS (
    SELECT id, organization_id, row_number() OVER () AS n FROM users
    WHERE NOT EXISTS (SELECT FROM role_assignments WHERE user_id = users.id)
)
INSERT INTO role_assignments (id, organization_id, user_id, service_id, role_id, granted_at)
SELECT uuidv7(), organization_id, people.id, service_id, plain.id, '2026-02-02Z'
FROM people CROSS JOIN generate_series(0, 2) k JOIN plain ON plain.place = (n + k) % plain.total
"""

ACCOUNTS = """
INSERT INTO accounts
    (id, issuer, subject, microsoft_account, microsoft_account_key, created_at, last_sign_in_at)
SELECT uuidv7(), 'https://login.example', n::text, 'administrator.' || n || '@live.example',
    'administrator.' || n || '@live.example', '2026-02-01Z', '2026-02-01Z'
FROM unnest($1::int[]) n
"""

SESSIONS = """
INSERT INTO sessions (id, account_id, token_hash, client, created_at, last_seen_at, expires_at)
SELECT uuidv7(), accounts.id, hash, 'Firefox on Linux', now(), now(), '2100-01-01Z'
FROM unnest($1::int[], $2::text[]) given (n, hash) JOIN accounts ON subject = n::text
"""

ADMINISTRATION = """
WITH wanted AS (
    SELECT DISTINCT ON (organization_id) users.id, organization_id FROM users
    JOIN organizations ON organizations.id = organization_id
    WHERE organizations.name = $1
), associated AS (
    UPDATE users SET status = 'ASSOCIATED', account_id = accounts.id
    FROM wanted, accounts WHERE users.id = wanted.id AND subject = $2
    RETURNING users.id, users.organization_id
)
INSERT INTO role_assignments (id, organization_id, user_id, service_id, role_id, granted_at)
SELECT uuidv7(), organization_id, associated.id, service_id, roles.id, '2026-02-01Z'
FROM associated CROSS JOIN roles WHERE is_service_administrator
"""

PLACES = """
SELECT subject, users.organization_id, users.id AS user_id, account_id, organizations.name,
    ARRAY(SELECT id FROM users other WHERE other.organization_id = users.organization_id
        AND account_id IS NULL ORDER BY id LIMIT 400) AS user_ids
FROM users JOIN accounts ON accounts.id = account_id
    JOIN organizations ON organizations.id = users.organization_id
ORDER BY users.organization_id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An organization with a signed-in service administrator."""

    cookie: str
    account_id: UUID
    organization_id: UUID
    user_ids: tuple[UUID, ...]
    """Some of its users."""

    @property
    def organization(self) -> str:
        """Its global id."""
        return str(encode_id("Organization", self.organization_id))


@dataclass(frozen=True, slots=True)
class Sample:
    """Who and what the requests are about."""

    places: tuple[Place, ...]
    largest: Place
    """The one in which is searched."""
    role: str
    """The global id of a role that anyone here can grant."""


async def load(url: str, *, users: int, organizations: int, largest: int) -> None:
    """Fill an empty database: the users spread evenly, and one more organization with `largest`."""
    async with connected(url):
        await migrate(url)
        await apply_catalogue(read_catalogue(None), now=datetime.now(UTC))
    async with _connection(url) as connection:
        await connection.execute("SET synchronous_commit = off")
        for people, places, name in (
            (users, organizations, "Organization"),
            (largest, 1, "Largest"),
        ):
            if people:
                await connection.execute(ORGANIZATIONS, places, name)
                await connection.execute(USERS, people, FIRST_NAMES, LAST_NAMES)
        for statement in (SUBSCRIPTIONS, WORDS, ASSIGNMENTS):
            await connection.execute(statement)
        step = max(1, organizations // ADMINISTRATORS)
        names = [f"Organization {n}" for n in range(1, organizations + 1, step)][:ADMINISTRATORS]
        await _sign_in(connection, [*names, "Largest 1"])
        await connection.execute("VACUUM ANALYZE")


async def _sign_in(connection: asyncpg.Connection, organizations: list[str]) -> None:
    numbers = list(range(len(organizations)))
    await connection.execute(ACCOUNTS, numbers)
    await connection.execute(SESSIONS, numbers, [hash_of(_cookie(n)) for n in numbers])
    for number, organization in enumerate(organizations):
        await connection.execute(ADMINISTRATION, organization, str(number))


def _cookie(number: int | str) -> str:
    return f"benchmark-{number}".ljust(43, "-")


async def sample(url: str) -> Sample:
    """What is in a database that was loaded."""
    async with _connection(url) as connection:
        rows = await connection.fetch(PLACES)
        role = await connection.fetchval(
            "SELECT roles.id FROM roles JOIN services ON services.id = service_id "
            "WHERE services.code = 'commerce-services' AND roles.code = 'viewer'"
        )
    places = tuple(
        Place(
            cookie=_cookie(row["subject"]),
            account_id=row["account_id"],
            organization_id=row["organization_id"],
            user_ids=tuple(row["user_ids"]),
        )
        for row in rows
    )
    named = {row["name"]: place for row, place in zip(rows, places, strict=True)}
    largest = named.pop("Largest 1", places[0])
    return Sample(tuple(named.values()), largest, str(encode_id("Role", role)))


@contextlib.asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=30, command_timeout=3600)
    try:
        yield connection
    finally:
        await connection.close()
