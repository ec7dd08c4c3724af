"""Fixtures of the tests of signing in: a test module names this one in `pytest_plugins`."""

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.database import connected
from tests.oidc_tokens import LocalProvider, local_provider
from tests.sign_in_browser import Browser, Clock, application, settings_for
from tests.signed_in_database import Databases, databases


@pytest.fixture(scope="session")
def sign_in_databases() -> Iterator[Databases]:
    with databases() as made:
        yield made


@pytest.fixture
async def sign_in_database(sign_in_databases: Databases) -> AsyncIterator[None]:
    async with connected(await sign_in_databases.fresh("sqlite")):
        yield


@pytest.fixture
def own_clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(own_clock: Clock) -> Iterator[LocalProvider]:
    with local_provider() as running:
        running.clock = lambda: own_clock().timestamp()
        yield running


@pytest.fixture
async def browser(
    sign_in_database: None,  # noqa: ARG001 - connected meanwhile
    provider: LocalProvider,
    own_clock: Clock,
) -> AsyncIterator[Browser]:
    async with Browser(application(settings_for(provider.issuer), now=own_clock)) as client:
        yield client
