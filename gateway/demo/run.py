"""Running the demo: three web servers and a mail receiver in one process, until told to stop."""

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from starlette.types import ASGIApp

from gateway.app import create_app, utc_now
from gateway.catalog_file import read_catalogue
from gateway.connection_limits import raise_open_files_limit
from gateway.database import connected, migrate
from gateway.demo.guide import Addresses, guide
from gateway.demo.mailbox import Mailbox
from gateway.demo.provider import Client, LocalProvider
from gateway.demo.samples import build_samples
from gateway.logs import configure_logs
from gateway.server import UVICORN_OPTIONS
from gateway.settings import Settings
from gateway.urls import LOOPBACK_HOSTS
from models.accounts import Account
from models.organizations import Organization
from resolvers.catalogue_changes import apply_catalogue


class DemoRefused(Exception):  # noqa: N818 - a sentence for the person
    """The demo can't start; the text says why."""


def run_demo(*, host: str, port: int, data: Path | None, tell: Callable[[str], None]) -> None:
    """Run the demo until SIGINT or SIGTERM; `tell` is given the guide once everything answers.

    It listens on `port` and the two ports above. With `data`, the database stays there and is used
    again the next time; without, it is in a temporary folder and goes with the demo.

    Raises:
        DemoRefused: A port is taken, or the data belongs to a demo at other addresses.
    """
    configure_logs("console", level=logging.WARNING)
    raise_open_files_limit()
    with contextlib.ExitStack() as stack:
        folder = data or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-"))
        )
        sockets = [stack.enter_context(_listening(host, port + offset)) for offset in range(3)]
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(_run(folder, sockets, host=host, port=port, is_kept=bool(data), tell=tell))


async def _run(
    folder: Path,
    sockets: list[socket.socket],
    *,
    host: str,
    port: int,
    is_kept: bool,
    tell: Callable[[str], None],
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    name = host if host in LOOPBACK_HOSTS else "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    origins = [f"http://{name}:{port + offset}" for offset in range(3)]
    client = Client(id="gateway", secret=secrets.token_urlsafe(24), origin=origins[0])
    mailbox = Mailbox(now=utc_now)
    receiving = await asyncio.get_running_loop().create_server(mailbox.receiver, "127.0.0.1", 0)
    addresses = Addresses(
        gateway=origins[0],
        provider=origins[1],
        mailbox=origins[2],
        smtp_port=receiving.sockets[0].getsockname()[1],
    )
    settings = _settings(folder, addresses, client)
    await _prepare(settings, issuer=addresses.provider, folder=folder)
    apps: list[ASGIApp] = [
        create_app(settings, delivers_mail=True, tells_webhooks=True),
        LocalProvider(issuer=addresses.provider, client=client).app(),
        mailbox.app(),
    ]
    async with AsyncExitStack() as stack:
        stack.callback(receiving.close)
        for place, (app, listening) in enumerate(zip(apps, sockets, strict=True)):
            http = UVICORN_OPTIONS["http"] if place == 0 else "httptools"
            await stack.enter_async_context(_served(app, listening, http=http))
        tell(guide(addresses, folder=folder if is_kept else None))
        await stop.wait()


class _Given(Settings):
    """Settings of which neither the environment nor a `.env` file knows."""

    model_config = SettingsConfigDict(env_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - as pydantic calls it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given alone."""
        return (init_settings,)


def _settings(folder: Path, addresses: Addresses, client: Client) -> Settings:
    return _Given.model_validate(
        {
            "database_url": f"sqlite://{folder / 'gateway.sqlite3'}",
            "public_url": addresses.gateway,
            "secret_key": secrets.token_urlsafe(48),
            "oidc_issuer": addresses.provider,
            "oidc_client_id": client.id,
            "oidc_client_secret": client.secret,
            "smtp_url": f"smtp://127.0.0.1:{addresses.smtp_port}",
            "mail_from": "Commerce Services <no-reply@gateway.example>",
        }
    )


async def _prepare(settings: Settings, *, issuer: str, folder: Path) -> None:
    url = settings.database_url.get_secret_value()
    now = utc_now()
    async with connected(url):
        await migrate(url)
        await apply_catalogue(read_catalogue(None), now=now)
        if not await Organization.exists():
            await build_samples(issuer=issuer, now=now)
        elif not await Account.filter(issuer=issuer).exists():
            # Who signs in is known by the provider's address (rule 32), and that has changed.
            message = f"{folder} is of a demo on another host or port: use that, or another folder"
            raise DemoRefused(message)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except (OSError, OverflowError) as error:
            message = f"{host}:{port} can't be listened on ({error}): choose another --port"
            raise DemoRefused(message) from error
        yield listening


class _Server(uvicorn.Server):
    """One of several servers of this process, so signals are not its own business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@asynccontextmanager
async def _served(
    app: ASGIApp, listening: socket.socket, *, http: str | type[asyncio.Protocol]
) -> AsyncIterator[None]:
    options = {
        **UVICORN_OPTIONS,
        "http": http,
        "loop": "none",
        "lifespan": "auto",
        "timeout_graceful_shutdown": 2,
    }
    server = _Server(uvicorn.Config(app, **options))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # uvicorn gives no event for it
        if running.done():
            await running
            message = "a server of the demo did not start"
            raise DemoRefused(message)
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await running
