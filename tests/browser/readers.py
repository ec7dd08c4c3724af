"""People at their browsers: each has one of their own, and nothing odd may happen in it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.servers import Gateway

WITHIN_MS = 10_000


@dataclass
class Reader:
    """Someone with a browser, and what went wrong in it."""

    page: Page
    gateway: Gateway
    account: str
    complaints: list[str] = field(default_factory=list)
    """Console errors, violations of the policy, uncaught exceptions, requests to other origins."""
    provoked: str | None = None
    """What the test itself makes the browser complain of; the complaint may come late."""
    operations: list[str] = field(default_factory=list)
    """The names of the GraphQL operations that the pages sent."""

    def open(self, path: str) -> None:
        """Go to a path of the gateway, by its address."""
        self.page.goto(self.gateway.url + path)

    def follow(self, link: str) -> None:
        """Open a link from a mail."""
        self.page.goto(link)

    def sign_in(self, return_to: str = "/") -> None:
        """Sign in at the provider, from the gateway's own address for it."""
        self.open(f"/auth/sign-in?return_to={return_to}")
        self.identify()

    def identify(self, account: str = "") -> None:
        """Say at the provider's page who one is, and come back."""
        self.page.locator("input[name=sub]").fill(account or self.account)
        self.page.get_by_role("button", name="Authorize", exact=True).click()
        self.page.wait_for_url(f"{self.gateway.url}/**")

    def sign_out(self) -> None:
        """Click Sign out, and let the provider's session end too."""
        self.button("Sign out").click()
        self.button("End session").click()
        self.page.wait_for_url(f"{self.gateway.url}/**")

    def button(self, name: str) -> Any:
        """The button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def check(self, name: str) -> None:
        """Select the check box of the user with this name."""
        self.page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()

    def row(self, name: str) -> Any:
        """The row of the user with this name."""
        return self.page.get_by_role("row").filter(has_text=name)

    def option(self, list_name: str, role: str) -> Any:
        """A role in one of the two lists."""
        return self.page.get_by_role("listbox", name=list_name).get_by_role(
            "option", name=role, exact=True
        )

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page says this."""
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible(
            timeout=WITHIN_MS
        )

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation sent with this browser's cookies, as another tab would."""
        response = self.page.request.post(
            f"{self.gateway.url}/graphql",
            data={"query": query, "variables": variables},
            headers={"origin": self.gateway.url},
        )
        body = response.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data


@contextmanager
def reader(
    browser: Browser, gateway: Gateway, account: str, *, name: str = "", **options: Any
) -> Iterator[Reader]:
    """A person at a fresh browser, known to the provider; afterwards nothing odd has happened."""
    gateway.provider.knows(account, name=name or account.partition("@")[0].title())
    given = {"locale": "en-US", "timezone_id": "America/Chicago", **options}
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **given)
    context.set_default_timeout(WITHIN_MS)
    person = Reader(context.new_page(), gateway, account)
    _listen(context, person)
    yield person
    context.close()

    odd = [
        complaint
        for complaint in person.complaints
        if person.provoked is None or person.provoked not in complaint
    ]
    assert odd == [], odd


def _listen(context: BrowserContext, person: Reader) -> None:
    ours = urlsplit(person.gateway.url).netloc

    def on_console(message: ConsoleMessage) -> None:
        at_ours = urlsplit(message.location.get("url", "")).netloc == ours
        if at_ours and message.type in {"error", "warning"}:
            person.complaints.append(f"{message.type}: {message.text}")

    def on_request(request: Request) -> None:
        target = urlsplit(request.url)
        if target.path == "/graphql" and request.method == "POST":
            found = re.search(r"(?:query|mutation) (\w+)", request.post_data or "")
            person.operations.append(found.group(1) if found else "")
        if request.is_navigation_request():
            return  # it may have no frame yet, as a window that is just opening
        asks = urlsplit(request.frame.url).netloc
        if target.netloc != ours and asks == ours:
            person.complaints.append(f"asked another origin: {request.url}")

    # The provider's own page takes its style sheet from elsewhere.
    context.route(re.compile(r"^https://"), lambda route: route.abort())
    context.on("console", on_console)
    context.on("request", on_request)
    context.on("weberror", lambda error: person.complaints.append(f"uncaught: {error.error}"))
