"""Databases for the tests of signing in: each test has a fresh one, copied from a migrated one."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from gateway.database import connected, migrate
from models.accounts import Account
from models.organizations import Organization, ProductRelease
from models.users import User, UserStatus
from tests.postgres import PostgresServer, postgres_server

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Databases:
    """Makes fresh databases of both engines, from one migrated database of each."""

    def __init__(self, folder: Path, exit_stack: ExitStack) -> None:
        self._folder = folder
        self._exit_stack = exit_stack
        self._server: PostgresServer | None = None
        self._made = 0
        self._sqlite_template: Path | None = None

    async def fresh(self, engine: str) -> str:
        """The URL of a migrated, empty database."""
        self._made += 1
        return await (self._sqlite() if engine == "sqlite" else self._postgres())

    async def _sqlite(self) -> str:
        if self._sqlite_template is None:
            template = self._folder / "template.sqlite3"
            async with connected(f"sqlite://{template}"):
                await migrate(f"sqlite://{template}")
            self._sqlite_template = template
        path = self._folder / f"{self._made}.sqlite3"
        shutil.copy(self._sqlite_template, path)
        return f"sqlite://{path}"

    async def _postgres(self) -> str:
        if self._server is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # its log, left to the collector
                self._server = self._exit_stack.enter_context(postgres_server())
            url = self._server.create_database("migrated")
            async with connected(url):
                await migrate(url)
        return self._server.create_database(f"sign_in_{self._made}", template="migrated")


@contextmanager
def databases() -> Iterator[Databases]:
    """A maker of databases that are gone afterwards, server and all."""
    with tempfile.TemporaryDirectory(prefix="gateway-sign-in-") as folder, ExitStack() as stack:
        yield Databases(Path(folder), stack)


async def profile(account: Account | UUID, organization: str = "Contoso") -> User:
    """A profile associated with an account, in an organization of its own."""
    owner = await Organization.create(
        name=organization,
        country_or_region="US",
        product_release=ProductRelease.AX_2012_R2,
        created_at=LONG_AGO,
    )
    return await User.create(
        organization_id=owner.id,
        first_name="Alice",
        last_name="Archer",
        sort_name="archer alice",
        microsoft_account="alice@live.example",
        microsoft_account_key="alice@live.example",
        primary_email_address="alice@contoso.example",
        primary_email_address_key="alice@contoso.example",
        status=UserStatus.ASSOCIATED,
        account_id=account.id if isinstance(account, Account) else account,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )
