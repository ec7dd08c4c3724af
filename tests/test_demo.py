"""The demo, as the person meets it who has typed `make demo`."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.postgres import free_port

WITHIN_S = 60

VIEWER = """{ viewer { microsoftAccount profiles { organization { id name users(first: 5) {
  totalCount nodes { status } } } selectedRoles { service { code } isServiceAdministrator } } } }"""

ACCEPT = """mutation ($token: String!) { acceptInvitation(input: {token: $token}) {
  user { status } userErrors { code } signOutFirst } }"""


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    port: int
    guide: str
    process: subprocess.Popen[str]

    @property
    def gateway(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def mailbox(self) -> str:
        """Where the mail catcher is."""
        return f"http://127.0.0.1:{self.port + 2}"

    @contextmanager
    def browser(self, account: str) -> Iterator[httpx2.Client]:
        """Someone's browser, signed in through the provider's page."""
        with httpx2.Client(
            base_url=self.gateway, follow_redirects=True, trust_env=False
        ) as browser:
            page = browser.get("/auth/sign-in", params={"return_to": "/healthz"})
            back = browser.post(page.url, data={"sub": account})

            assert back.url.path == "/healthz", back.text
            yield browser

    def ask(self, browser: httpx2.Client, query: str, **variables: Any) -> Any:
        """The answer to an operation."""
        return browser.post("/graphql", json={"query": query, "variables": variables}).json()


@contextmanager
def start(
    port: int, *arguments: str, folder: Path | None = None, **settings: str
) -> Iterator[Demo]:
    """A demo that Ctrl-C ends in silence, with these settings around it; its guide is read."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "gateway", "demo", "--port", str(port), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.strip().startswith("5. "):
            break
    try:
        yield Demo(port, "".join(lines), process)
    finally:
        process.send_signal(signal.SIGINT)
        written, _ = process.communicate(timeout=WITHIN_S)

    assert (process.returncode, written.strip()) == (0, "")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    (folder / ".env").write_bytes(b"GATEWAY_GRAPHIQL=false\nGATEWAY_MAIL_FROM=\xff\n")
    others = {"GATEWAY_INVITATION_DAYS": "99", "GATEWAY_INTROSPECTION": "false"}
    with start(free_port(neighbours=2), folder=folder, **others) as running:
        yield running


def test_settings_of_another_gateway_have_no_say_in_it(demo: Demo) -> None:
    """They are in this demo's environment and `.env` file, and stop `gateway serve`."""
    with httpx2.Client(base_url=demo.gateway, trust_env=False) as client:
        page = client.get("/graphql", headers={"accept": "text/html"})
        known = demo.ask(client, "{ __schema { queryType { name } } }")

    assert (page.status_code, "GraphiQL" in page.text) == (200, True)
    assert known == {"data": {"__schema": {"queryType": {"name": "Query"}}}}


def test_the_guide_names_every_address_and_who_can_sign_in(demo: Demo) -> None:
    addresses = [f"http://127.0.0.1:{demo.port + offset}" for offset in range(3)]

    assert [one for one in addresses if one not in demo.guide] == []
    assert "alice@live.example" in demo.guide
    assert max(len(line) for line in demo.guide.splitlines()) <= 100


def test_someone_picked_on_the_sign_in_page_is_signed_in(demo: Demo) -> None:
    with demo.browser("alice@live.example") as alice:
        viewer = demo.ask(alice, VIEWER)["data"]["viewer"]
    [profile] = viewer["profiles"]

    assert viewer["microsoftAccount"] == "alice@live.example"
    assert profile["organization"]["name"] == "Contoso"
    assert profile["organization"]["users"]["totalCount"] > 300
    assert {role["service"]["code"] for role in profile["selectedRoles"]} == {
        "commerce-services",
        "payment-services",
    }


def test_the_waiting_invitation_arrives_in_the_mail_catcher_and_can_be_accepted(
    demo: Demo,
) -> None:
    [mail] = mails(demo)
    [link] = mail["links"]
    page = httpx2.get(f"{demo.mailbox}/mails/{mail['number']}", trust_env=False)
    html = httpx2.get(f"{demo.mailbox}/mails/{mail['number']}/html", trust_env=False)
    token = link.rsplit("/", 1)[1]
    with demo.browser("bob@live.example") as bob, demo.browser("ivan@live.example") as ivan:
        refused = demo.ask(bob, ACCEPT, token=token)["data"]["acceptInvitation"]
        accepted = demo.ask(ivan, ACCEPT, token=token)["data"]["acceptInvitation"]

    assert mail["to"] == ["ivan.ibarra@contoso.example"]
    assert f'<a href="{link}">' in page.text
    assert "sandbox" in html.headers["content-security-policy"]
    assert refused["userErrors"] == [{"code": "MICROSOFT_ACCOUNT_MISMATCH"}]
    assert accepted == {
        "user": {"status": "ASSOCIATED"},
        "userErrors": [],
        "signOutFirst": False,
    }


def mails(demo: Demo) -> list[dict[str, Any]]:
    deadline = time.monotonic() + WITHIN_S
    while True:
        found: list[dict[str, Any]] = httpx2.get(
            f"{demo.mailbox}/mails.json", trust_env=False
        ).json()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_the_data_is_kept_where_it_was_asked_to_be(tmp_path: Path) -> None:
    port = free_port(neighbours=2)
    with start(port, "--data", str(tmp_path / "kept")) as first:
        pass
    with (
        start(port, "--data", str(tmp_path / "kept")) as second,
        second.browser("nora@live.example") as nora,
    ):
        viewer = second.ask(nora, VIEWER)["data"]["viewer"]
    elsewhere = subprocess.run(
        [
            sys.executable,
            "-m",
            "gateway",
            "demo",
            "--port",
            str(free_port(neighbours=2)),
            "--data",
            "kept",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert str(tmp_path / "kept") in first.guide
    assert [profile["organization"]["name"] for profile in viewer["profiles"]] == [
        "Northwind Traders"
    ]
    assert (elsewhere.returncode, elsewhere.stderr) == (
        1,
        "gateway: kept is of a demo on another host or port: use that, or another folder\n",
    )


def test_a_taken_port_is_one_clear_line(demo: Demo) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--port", str(demo.port - 1)],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert done.returncode == 1
    assert re.fullmatch(r"gateway: 127\.0\.0\.1:\d+ can't be listened on .*--port\n", done.stderr)
