"""What `gateway check` finds: whether the settings lead to services that answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.database import DATABASE_TROUBLE, connected, is_sqlite, pending_migrations
from gateway.discovery import ProviderUnavailable
from gateway.mail.delivery import check_mail_server
from gateway.mail.session import MailServerTrouble
from gateway.observers import problem_with_traces
from gateway.oidc import Provider
from gateway.rates import Rates
from gateway.replica.positions import Unfit, check_replica
from gateway.settings import MAIL_SETTINGS, SIGN_IN_SETTINGS, Settings
from gateway.streams.listening import NotListening, check_listening
from resolvers.catalogue import current_catalogue

DATABASE_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    is_good: bool
    text: str

    def __str__(self) -> str:
        """A line for the operator."""
        return f"{'✓' if self.is_good else '✗'} {self.text}"


async def check_everything(settings: Settings, *, now: Callable[[], datetime]) -> list[Finding]:
    """Try everything that the settings name, side by side; it changes nothing anywhere."""
    groups = await asyncio.gather(
        _check_database(settings, now=now),
        _check_provider(settings),
        _check_mail(settings),
        _check_rates(settings),
    )
    return [
        Finding(is_good=True, text=f"settings: browsers come to {settings.public_url}"),
        _told_of_proxies(settings),
        *_check_secret_key(settings),
        *_check_traces(settings),
        *(finding for group in groups for finding in group),
    ]


def _told_of_proxies(settings: Settings) -> Finding:
    named = ", ".join(sorted(str(network) for network in settings.trusted_proxies))
    text = (
        f"proxies: {named} name the client by X-Forwarded-For"
        if named
        else "proxies: none; X-Forwarded-For is never believed"
    )
    return Finding(is_good=True, text=text)


async def _check_rates(settings: Settings) -> list[Finding]:
    if settings.rate_storage_url is None:
        return [Finding(is_good=True, text="rates: each process counts for itself")]
    rates = Rates(settings)
    try:
        answers = await rates.storage_answers()
    finally:
        await rates.close()
    text = (
        "rates: GATEWAY_RATE_STORAGE_URL answers"
        if answers
        else "rates: GATEWAY_RATE_STORAGE_URL does not answer; each process counts for itself"
    )
    return [Finding(is_good=answers, text=text)]


def _check_secret_key(settings: Settings) -> list[Finding]:
    if settings.missing("secret_key"):
        return [Finding(is_good=False, text="settings: GATEWAY_SECRET_KEY is missing")]
    return []


def _check_traces(settings: Settings) -> list[Finding]:
    problem = problem_with_traces() if settings.traces else None
    return [] if problem is None else [Finding(is_good=False, text=f"settings: {problem}")]


async def _check_database(settings: Settings, *, now: Callable[[], datetime]) -> list[Finding]:
    try:
        async with (
            asyncio.timeout(DATABASE_WITHIN_S),
            connected(settings.database_url.get_secret_value()),
        ):
            pending = await pending_migrations()
            services = [] if pending else list((await current_catalogue()).services.values())
            beside = [*await _check_listening(settings, now=now), *await _check_replica(settings)]
    except DATABASE_TROUBLE as error:
        return [Finding(is_good=False, text=f"database: GATEWAY_DATABASE_URL: {in_words(error)}")]
    if pending:
        text = f"database: {len(pending)} migrations are to be applied, run gateway migrate"
        return [
            Finding(is_good=True, text="database: answers"),
            Finding(is_good=False, text=text),
            *beside,
        ]
    text = (
        f"catalogue: {len(services)} services"
        if services
        else "catalogue: empty, run gateway catalog apply"
    )
    return [
        Finding(is_good=True, text="database: answers and has the newest schema"),
        Finding(is_good=bool(services), text=text),
        *beside,
    ]


async def _check_listening(settings: Settings, *, now: Callable[[], datetime]) -> list[Finding]:
    """Whether live updates come in; SQLite needs nothing for them."""
    url = (settings.listen_database_url or settings.database_url).get_secret_value()
    if is_sqlite(url):
        return []
    name = "LISTEN_DATABASE_URL" if settings.listen_database_url else "DATABASE_URL"
    try:
        await check_listening(url, settings, now=now)
    except NotListening as error:
        return [Finding(is_good=False, text=f"live updates: {error}")]
    except DATABASE_TROUBLE as error:
        text = f"live updates: GATEWAY_{name}: {in_words(error)}"
        return [Finding(is_good=False, text=text)]
    return [Finding(is_good=True, text="live updates: what is sent comes in")]


async def _check_replica(settings: Settings) -> list[Finding]:
    """Whether the replica, if one is set, is one of the database, and follows."""
    if settings.read_database_url is None:
        return []
    try:
        await check_replica(settings.read_database_url.get_secret_value())
    except (*DATABASE_TROUBLE, Unfit) as error:
        why = str(error) if isinstance(error, Unfit) else in_words(error)
        return [Finding(is_good=False, text=f"read replica: GATEWAY_READ_DATABASE_URL: {why}")]
    return [Finding(is_good=True, text="read replica: follows the database")]


async def _check_provider(settings: Settings) -> list[Finding]:
    missing = [name for name in SIGN_IN_SETTINGS if name != "secret_key"]
    missing = settings.missing(*missing)
    if missing:
        return [Finding(is_good=False, text=f"sign-in: {', '.join(missing)} missing")]
    if settings.missing("secret_key"):
        return []
    try:
        await Provider(settings).check()
    except ProviderUnavailable as error:
        return [Finding(is_good=False, text=f"sign-in: GATEWAY_OIDC_ISSUER: {error}")]
    return [Finding(is_good=True, text=f"sign-in: the provider {settings.oidc_issuer} answers")]


async def _check_mail(settings: Settings) -> list[Finding]:
    missing = settings.missing(*MAIL_SETTINGS)
    if missing:
        return [Finding(is_good=False, text=f"mail: {', '.join(missing)} missing")]
    try:
        await check_mail_server(settings)
    except MailServerTrouble as error:
        return [Finding(is_good=False, text=f"mail: GATEWAY_SMTP_URL: {error}")]
    return [Finding(is_good=True, text="mail: the mail server takes mail from us")]


def in_words(error: BaseException) -> str:
    """An error of the database in one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
