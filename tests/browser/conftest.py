"""Fixtures of the tests in a real browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from gateway.portal_pages import BUILT_PAGE
from tests.browser.companies import NUMBERS, Company, new_company
from tests.browser.readers import Reader, reader
from tests.servers import Gateway, gateway
from tests.webhook_receiver import Receiver, certify, receiving_apart

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
"""The system's browser; without one, the browser that Playwright may have installed."""

LOOPBACK = "127.0.0.0/8 ::1/128"

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway that serves the portal, and tells webhooks on this machine too."""
    if not BUILT_PAGE.is_file():
        pytest.skip("the portal is not built: make portal")
    folder = tmp_path_factory.mktemp("portal")
    certify(folder)
    authority = str(folder / "ca.pem")
    with gateway(folder, SSL_CERT_FILE=authority, GATEWAY_WEBHOOK_NETWORKS=LOOPBACK) as running:
        yield running


@pytest.fixture
def receiver(portal: Gateway) -> Iterator[Receiver]:
    """A receiver of webhooks whose certificate the gateway trusts."""
    with receiving_apart(Path(portal.environment["SSL_CERT_FILE"]).parent) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: its event loop must be gone before asynchronous tests run."""
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        except Error as error:
            pytest.skip(f"no Chromium here: apt-get install chromium ({error.name})")
        yield chromium
        chromium.close()


@pytest.fixture
def person(browser: Browser, portal: Gateway) -> Iterator[Callable[..., Reader]]:
    """Makes people: an account, and options of their browsers."""
    with ExitStack() as stack:

        def make(account: str = "", **options: Any) -> Reader:
            who = account or f"alice{next(NUMBERS)}@live.example"
            return stack.enter_context(reader(browser, portal, who, **options))

        yield make


@pytest.fixture
def alice(person: Callable[..., Reader]) -> Reader:
    """An administrator, before she has signed in."""
    return person(name="Alice Archer")


@pytest.fixture
def contoso(alice: Reader) -> Company:
    """Alice's organization, signed up for Commerce Services; she is signed in."""
    return new_company(alice)
