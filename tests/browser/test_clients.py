"""The single-page application of CLIENTS.md, built, and opened in a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from gateway.portal_pages import BUILT_PAGE
from tests import documents
from tests.browser.companies import Company, new_company
from tests.browser.readers import WITHIN_MS, Reader, reader
from tests.guides import Workshop, blocks, workshop
from tests.postgres import free_port
from tests.servers import Gateway, gateway
from tests.test_clients import ALICE, IN_THE_BROWSER

PAGE = '<!doctype html><title>A client</title><script type="module" src="/main.ts"></script>'
MAIN = """
import { CatalogueDocument } from './graph.ts'
{imports}
Object.assign(window, { spa: { CatalogueDocument, {names} }, told: [] })
"""
FOLLOW = """([how, organizationId]) => spa[how](organizationId, {
  began: () => told.push(`${how} began`),
  changed: ({ kind, user }) => told.push(`${how} ${kind} ${user.firstName}`),
  ended: () => told.push(`${how} ended`),
})"""
NOTICED_WITHIN_MS = 2000
"""After a document was trusted, each process knows it."""

WAYS = ("followByEvents", "followBySocket")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        del format, args


@contextmanager
def shown(folder: Path, port: int) -> Iterator[None]:
    """A folder's files, at an origin of their own."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Application:
    """The guide's application in Alice's browser."""

    url: str
    gateway: Gateway
    alice: Reader
    workshop: Workshop

    @property
    def page(self) -> Page:
        """The page that it is on."""
        return self.alice.page

    def call(self, function: str, *arguments: Any) -> Any:
        """What one of the guide's functions gives."""
        return self.page.evaluate(f"given => spa.{function}(...given)", list(arguments))

    def told(self, *expected: str) -> None:
        """Wait until the followers have been told exactly this, in whatever order."""
        self.page.wait_for_function(
            "expected => told.length >= expected", arg=len(expected), timeout=WITHIN_MS
        )
        assert sorted(self.page.evaluate("told.splice(0)")) == sorted(expected)


@pytest.fixture(scope="module")
def application(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Application]:
    """The application as the guide has it, built, at an origin that the gateway allows."""
    if not BUILT_PAGE.is_file():
        pytest.skip("the portal is not built: make portal")
    folder = tmp_path_factory.mktemp("client")
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with gateway(folder, GATEWAY_ALLOWED_ORIGINS=origin) as running:
        clients = workshop(folder, running, VITE_GATEWAY=running.url)
        for block in blocks():
            if block.purpose == "file":
                clients.write(block)
        modules = sorted(name.removesuffix(".ts") for name in IN_THE_BROWSER)
        imports = "\n".join(f"import * as {name} from './{name}.ts'" for name in modules)
        names = ", ".join(f"...{name}" for name in modules)
        main = MAIN.replace("{imports}", imports).replace("{names}", names)
        (folder / "main.ts").write_text(main)
        (folder / "index.html").write_text(PAGE)
        clients.command(
            "gateway schema > schema.graphql && npx graphql-codegen --config codegen.json"
            " && npx vite build && node manifest.ts"
        )
        with (
            shown(folder / "dist", port),
            reader(browser, running, ALICE, name="Alice Archer") as alice,
        ):
            yield Application(origin, running, alice, clients)


def test_the_application_does_what_the_guide_says(application: Application) -> None:
    company = _alice_signs_in_and_up(application)
    users = [company.add(name) for name in ("Bob Baker", "Carol Clark", "Dora Diaz")]
    _she_reads_page_by_page(application, company)
    _she_saves_forms(application, users[0])
    _she_follows_what_others_do(application, company, users[1])
    _documents_are_asked_for_by_their_hashes(application)
    _her_session_ends_elsewhere_and_she_signs_in_beside(application)
    _she_signs_out(application)


def _alice_signs_in_and_up(application: Application) -> Company:
    application.page.goto(application.url)
    nobody = application.call("viewer")
    application.page.evaluate("spa.signIn('/me')")
    application.page.wait_for_url(f"{application.gateway.provider.issuer}/**")
    application.alice.identify()
    came_to = application.page.url
    company = new_company(application.alice)
    application.page.goto(application.url)
    organization = {"id": company.id, "name": company.name, "__typename": "Organization"}

    assert nobody is None
    assert came_to == f"{application.gateway.url}/me"
    found = application.call("viewer")
    assert found["microsoftAccount"] == ALICE
    assert [each["organization"] for each in found["profiles"]] in (
        [organization],
        [{"id": company.id, "name": company.name}],
    )
    return company


def _she_reads_page_by_page(application: Application, company: Company) -> None:
    first = application.call("page", company.id, None, 3)
    second = application.call("page", company.id, first["next"], 3)

    names = [[user["firstName"] for user in page["users"]] for page in (first, second)]
    assert names == [["Alice", "Bob", "Carol"], ["Dora"]]
    assert second["next"] is None


def _she_saves_forms(application: Application, user: dict[str, Any]) -> None:
    form = {"id": user["id"], "version": user["version"], "firstName": "Robert"}
    saved = application.call("save", form)
    conflict = application.call("save", {**form, "firstName": "Bobby"})
    empty = {**form, "version": saved["user"]["version"], "firstName": "", "lastName": " "}
    refused = application.call("save", empty)

    assert (saved["outcome"], saved["user"]["firstName"]) == ("saved", "Robert")
    assert (conflict["outcome"], conflict["current"]) == ("conflict", saved["user"])
    assert refused["outcome"] == "refused"
    assert [problem["field"] for problem in refused["problems"]] == ["firstName", "lastName"]


def _she_follows_what_others_do(
    application: Application, company: Company, user: dict[str, Any]
) -> None:
    for way in WAYS:
        application.page.evaluate(FOLLOW, [way, company.id])
    application.told(*(f"{way} began" for way in WAYS))
    company.edit(user, firstName="Caroline")
    application.told(*(f"{way} EDITED Caroline" for way in WAYS))


def _documents_are_asked_for_by_their_hashes(application: Application) -> None:
    sent: list[str] = []
    application.alice.provoked = "status of 400"  # how an unknown hash is answered

    def note(request: Request) -> None:
        if request.url.startswith(f"{application.gateway.url}/graphql"):
            has_text = "services {" in (request.post_data or "")
            sent.append(f"{request.method}{' with text' if has_text else ''}")

    application.page.on("request", note)
    by_hash = [_services(application, "askByHash") for _ in range(2)]
    application.page.remove_listener("request", note)
    application.workshop.command("gateway documents apply manifest.json")
    application.page.wait_for_timeout(NOTICED_WITHIN_MS)
    by_id = _services(application, "askTrusted")

    assert "commerce-services" in by_id
    assert by_hash == [by_id, by_id]
    assert [each for each in sent if each != "OPTIONS"] == ["GET", "POST with text", "GET"]


def _services(application: Application, how: str) -> list[str]:
    """The catalogue's services, asked for in one of the ways."""
    answer = application.page.evaluate("how => spa[how](spa.CatalogueDocument, {})", how)
    return [service["code"] for service in answer["services"]]


def _her_session_ends_elsewhere_and_she_signs_in_beside(application: Application) -> None:
    application.alice.ask(documents.SIGN_OUT)
    application.told(*(f"{way} ended" for way in WAYS))
    nobody = application.call("viewer")
    with application.page.expect_popup() as opening:
        application.page.evaluate("() => { window.signing = spa.signInBeside() }")
    beside = opening.value
    beside.locator("input[name=sub]").fill(ALICE)
    beside.get_by_role("button", name="Authorize", exact=True).click()
    found = application.page.evaluate("window.signing")
    beside.close()

    assert nobody is None
    assert found["microsoftAccount"] == ALICE


def _she_signs_out(application: Application) -> None:
    application.page.evaluate("() => { spa.signOut() }")
    application.page.wait_for_url(f"{application.gateway.provider.issuer}/**")
    application.page.goto(application.url)

    assert application.call("viewer") is None
