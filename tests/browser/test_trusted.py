"""The pages where only trusted documents run."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from gateway.manifests import PORTAL_MANIFEST
from tests.browser import companies
from tests.browser.companies import new_company
from tests.browser.readers import Reader, reader
from tests.servers import ROOT, Gateway, gateway

ANY_OTHER = "query Mine { viewer { displayName } }"


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that runs trusted documents only, those of `companies` among them."""
    if not PORTAL_MANIFEST.is_file():
        pytest.skip("the portal is not built: make portal")
    folder = tmp_path_factory.mktemp("trusting")
    manifest = folder / "tests.json"
    texts = [getattr(companies, name) for name in ("CATALOGUE", "SIGN_UP", "CREATE", "ACCEPT")]
    manifest.write_text(json.dumps({f"test-{number}": text for number, text in enumerate(texts)}))
    with gateway(folder, GATEWAY_TRUSTED_DOCUMENTS_ONLY="true") as running:
        subprocess.run(
            [sys.executable, "-m", "gateway", "documents", "apply", str(manifest)],
            cwd=ROOT,
            env=dict(running.environment),
            check=True,
        )
        yield running


@pytest.fixture
def alice(browser: Browser, trusting: Gateway) -> Iterator[Reader]:
    with reader(browser, trusting, "alice@trusting.example", name="Alice Archer") as person:
        yield person


def test_every_page_of_the_portal_works(alice: Reader) -> None:
    contoso = new_company(alice)
    contoso.add("Dora Diaz")
    for path, text in (
        ("/checklist", "Set up users"),
        ("/users?new=1", "Service administrator"),
        ("/audit", "Added a user"),
        ("/webhooks", "No webhooks yet"),
        ("/me", "alice@trusting.example"),
    ):
        alice.open(path)
        alice.sees(text)
    alice.open("/users")
    alice.check("Dora Diaz")
    alice.button("Send invitation").click()
    alice.sees("Invitation sent.")
    alice.open("/graphql")
    alice.sees("Signed in as alice@trusting.example")

    assert {"UsersPage", "InviteUsers"} <= set(alice.operations)


def test_an_administrators_page_runs_any_document_and_nobody_elses_does(
    alice: Reader, trusting: Gateway
) -> None:
    new_company(alice)
    assert alice.ask(ANY_OTHER)["viewer"] is not None
    response = alice.page.request.post(
        f"{trusting.url}/graphql",
        data={"query": ANY_OTHER},
        headers={"origin": "https://elsewhere.example"},
    )

    assert response.status == 403
    assert response.json()["errors"][0]["extensions"] == {"code": "TRUSTED_DOCUMENTS_ONLY"}
