"""The gateway as an operator runs it, with a real OpenID provider and a real SMTP server.

Each is a process or a thread of its own on a free port of 127.0.0.1, ended by what started it.
"""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.postgres import free_port
from tests.smtp_server import MailServerForTests

ROOT = Path(__file__).parent.parent
STARTS_WITHIN_S = 90.0
SECRET_KEY = "tests of real processes " * 2
CLIENT_SECRET = "made-up-client-secret"
LINK = re.compile(r"https?://\S+/invitations/[\w-]+")


class NotStartedError(AssertionError):
    """A server did not answer in time; the text is what it wrote."""


@contextmanager
def running(
    command: list[str],
    *,
    answers_at: str | None,
    log: Path,
    environment: Mapping[str, str],
    folder: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, once it answers; at once if it answers nobody."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        if answers_at is not None:
            _wait_for(process, answers_at, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=STARTS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(address, trust_env=False).is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise NotStartedError(log.read_text())


@dataclass
class Mailbox:
    """An SMTP server on a thread of its own, whose mails tests read."""

    server: MailServerForTests = field(default_factory=MailServerForTests)

    def link_for(self, address: str, *, within_s: float = 15.0) -> str:
        """The link in the newest mail to an address, once it has come."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for mail in reversed(self.server.accepted):
                if mail.recipient.strip("<>").lower() == address.lower():
                    found = LINK.search(mail.part("plain"))
                    assert found is not None
                    return found.group()
            time.sleep(0.1)
        message = f"no mail for {address}; there are {self.server.accepted}"
        raise AssertionError(message)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A running SMTP server."""
    box = Mailbox()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(box.server.start(), loop).result()
        yield box
        asyncio.run_coroutine_threadsafe(box.server.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class Provider:
    """An OpenID provider with a page on which one types who one is."""

    issuer: str

    def knows(self, account: str, *, name: str) -> None:
        """Let a person with this Microsoft account sign in."""
        claims = {"email": account, "email_verified": True, "name": name}
        httpx2.put(
            f"{self.issuer}/users/{account}", json=claims, trust_env=False
        ).raise_for_status()


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """A running provider, a process of its own since it warns of its own dependencies."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    with running(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)],
        answers_at=f"{issuer}/.well-known/openid-configuration",
        log=folder / "provider.log",
        environment=os.environ,
    ):
        yield Provider(issuer)


@dataclass
class Gateway:
    """A running gateway with what it needs."""

    url: str
    provider: Provider
    mailbox: Mailbox
    process: subprocess.Popen[bytes]
    logs: list[Path]
    """What each of its processes has written."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Its settings, for commands beside it."""


def environment_for(url: str, database_url: str, **more: str) -> dict[str, str]:
    """The environment of a gateway that is reached at `url`, free of this process's own settings.

    It names a provider that nobody listens for, unless `more` names another.
    """
    return {
        **{name: value for name, value in os.environ.items() if "GATEWAY_" not in name},
        "GATEWAY_DATABASE_URL": database_url,
        "GATEWAY_PUBLIC_URL": url,
        "GATEWAY_SECRET_KEY": SECRET_KEY,
        "GATEWAY_OIDC_ISSUER": "http://127.0.0.1:9",
        "GATEWAY_OIDC_CLIENT_ID": "portal",
        "GATEWAY_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        **more,
    }


def prepare_database(environment: Mapping[str, str]) -> None:
    """Bring the database to the newest schema, with the shipped catalogue."""
    for command in (["migrate"], ["catalog", "apply"]):
        subprocess.run(
            [sys.executable, "-m", "gateway", *command], cwd=ROOT, env=dict(environment), check=True
        )


@contextmanager
def serving(
    environment: Mapping[str, str], *options: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`gateway serve` at the environment's public URL, once it is ready."""
    url = environment["GATEWAY_PUBLIC_URL"]
    port = url.rpartition(":")[2]
    with running(
        [sys.executable, "-m", "gateway", "serve", "--port", port, *options],
        answers_at=f"{url}/readyz",
        log=log,
        environment=environment,
    ) as process:
        yield process


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The process ids of the workers of `gateway serve --workers N`."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@contextmanager
def delivering(environment: Mapping[str, str], *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`gateway worker`, which delivers mail and answers nobody."""
    with running(
        [sys.executable, "-m", "gateway", "worker"],
        answers_at=None,
        log=log,
        environment=environment,
    ) as process:
        yield process


@contextmanager
def gateway(
    folder: Path,
    *,
    database_url: str | None = None,
    workers: int = 1,
    delivers_apart: bool = False,
    **settings: str,
) -> Iterator[Gateway]:
    """`gateway serve` with the shipped catalogue and mail delivery.

    The database is a SQLite file unless named otherwise; mail is delivered by `gateway serve`
    itself, or by a `gateway worker` of its own. Further settings are given by their variables.
    """
    with ExitStack() as stack:
        signs_in = stack.enter_context(provider(folder))
        mails = stack.enter_context(mailbox())
        url = f"http://127.0.0.1:{free_port()}"
        environment = environment_for(
            url,
            database_url or f"sqlite://{folder / 'gateway.sqlite3'}",
            GATEWAY_OIDC_ISSUER=signs_in.issuer,
            GATEWAY_SMTP_URL=mails.server.url,
            GATEWAY_MAIL_FROM="portal@gateway.example",
            **settings,
        )
        prepare_database(environment)
        logs = [folder / "gateway.log"]
        options = ["--workers", str(workers)]
        if delivers_apart:
            options.append("--no-mail")
            logs.append(folder / "worker.log")
            stack.enter_context(delivering(environment, log=logs[-1]))
        process = stack.enter_context(serving(environment, *options, log=logs[0]))
        yield Gateway(url, signs_in, mails, process, logs, environment)
