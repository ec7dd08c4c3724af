"""The way to the mail server: encryption as demanded, sign-in, and what `gateway check` says."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.mail.delivery import check_mail_server
from gateway.mail.message import Letter
from gateway.mail.server import MailServer
from gateway.mail.session import MailServerTrouble, Patience, SessionLost, opened
from gateway.settings import Settings
from tests.mail_nursery import mail_settings
from tests.postgres import free_port
from tests.smtp_server import MailServerForTests, mail_server

QUICK = Patience(command_s=1, opening_s=1, letter_s=1, closing_s=0.2)
LETTER = Letter(
    "users@gateway.example", "bob@contoso.example", False, b"Subject: Hi\r\n\r\nHi.\r\n"
)


@pytest.fixture
async def server() -> AsyncIterator[MailServerForTests]:
    """The mail server."""
    async with mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "mail.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    return file


async def speak_tls(
    server: MailServerForTests, certificate: Path, *, is_tls_from_start: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    await server.stop()
    server.tls_context = context
    server.is_tls_from_start = is_tls_from_start
    await server.start()


async def sent_through(url: str) -> None:
    async with opened(
        MailServer.from_url(url), greeting_as="gateway.example", patience=QUICK
    ) as session:
        await session.send(LETTER)


@pytest.mark.parametrize("is_tls_from_start", [False, True])
async def test_a_trusted_server_is_spoken_to_encrypted_and_signed_in_to(
    server: MailServerForTests,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_tls_from_start: bool,
) -> None:
    await speak_tls(server, certificate, is_tls_from_start=is_tls_from_start)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.password = "p:/é"

    place = f"us%40er:p%3A%2F%C3%A9@127.0.0.1:{server.port}"
    await sent_through(f"smtps://{place}" if is_tls_from_start else f"smtp://{place}?starttls=true")

    assert len(server.accepted) == 1


@pytest.mark.parametrize("is_tls_from_start", [False, True])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    server: MailServerForTests, certificate: Path, *, is_tls_from_start: bool
) -> None:
    await speak_tls(server, certificate, is_tls_from_start=is_tls_from_start)
    place = f"127.0.0.1:{server.port}"

    with pytest.raises(SessionLost) as lost:
        await sent_through(
            f"smtps://{place}" if is_tls_from_start else f"smtp://{place}?starttls=true"
        )

    assert str(lost.value) == (
        "There is no secure connection to the mail server: "
        "its certificate is not valid (self-signed certificate)."
    )


async def test_starttls_is_never_given_up_where_it_is_demanded(server: MailServerForTests) -> None:
    with pytest.raises(SessionLost, match="STARTTLS"):
        await sent_through(f"{server.url}?starttls=true")

    assert server.accepted == []


async def test_starttls_is_never_begun_where_it_is_not_demanded(
    server: MailServerForTests, certificate: Path
) -> None:
    await speak_tls(server, certificate, is_tls_from_start=False)

    with pytest.raises(MailServerTrouble, match="530 Must issue a STARTTLS command first"):
        await sent_through(server.url)


async def test_a_wrong_password_is_told_without_it(server: MailServerForTests) -> None:
    server.password = "right"

    with pytest.raises(MailServerTrouble) as trouble:
        await check_mail_server(mail_settings(server.url.replace("//", "//user:hunter2wrong@")))

    assert str(trouble.value) == (
        f"127.0.0.1:{server.port}: The mail server refused the sign-in: "
        "535 5.7.8 Authentication credentials invalid"
    )
    assert trouble.value.code == 535


async def test_the_check_passes_where_mail_could_leave(server: MailServerForTests) -> None:
    server.password = "right"

    await check_mail_server(mail_settings(server.url.replace("//", "//user:right@")))

    assert (server.sessions, server.accepted) == (1, [])


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("127.0.0.1", "The mail server can't be reached: connection refused."),
        ("nowhere.invalid", "The mail server can't be reached: its name is unknown."),
    ],
)
async def test_a_server_that_is_not_there_is_told_in_one_sentence(host: str, told: str) -> None:
    port = free_port()

    with pytest.raises(MailServerTrouble) as trouble:
        await check_mail_server(mail_settings(f"smtp://{host}:{port}"))

    assert str(trouble.value) == f"{host}:{port}: {told}"


@pytest.mark.parametrize("moment", ["EHLO", "MAIL", "RCPT", "DATA", "ACCEPTED"])
async def test_no_silence_of_the_server_is_waited_out(
    server: MailServerForTests, moment: str
) -> None:
    server.at[moment] = server.hang
    impatient = Patience(command_s=0.1, opening_s=0.1, letter_s=0.1, closing_s=0.1)

    async with asyncio.timeout(1):
        with pytest.raises(SessionLost, match="did not answer in time"):
            async with opened(
                MailServer.from_url(server.url), greeting_as="gateway.example", patience=impatient
            ) as session:
                await session.send(LETTER)


async def test_a_server_that_never_greets_is_not_waited_for() -> None:
    ended = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    silent = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]

    async with silent:
        with pytest.raises(SessionLost, match="did not answer in time"):
            async with opened(
                MailServer.from_url(f"smtp://127.0.0.1:{port}"),
                greeting_as="gateway.example",
                patience=Patience(command_s=0.1, opening_s=0.1, letter_s=0.1, closing_s=0.1),
            ):
                pass
        await ended.wait()


async def test_something_that_speaks_no_smtp_is_told_in_one_sentence() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]

    async with other:
        with pytest.raises(MailServerTrouble) as trouble:
            await check_mail_server(mail_settings(f"smtp://127.0.0.1:{port}"))

    assert str(trouble.value) == (
        f"127.0.0.1:{port}: The mail server answered: "
        "Malformed SMTP response line: HTTP/1.1 400 Bad Request"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_url", "smtp://user:hunter2@mail.example?tls=maybe"),
        ("mail_from", "Users users@gateway.example"),
    ],
)
def test_a_wrong_setting_for_mail_is_refused_without_its_value(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name) as refused:
        Settings.model_validate({name: value})

    assert value not in str(refused.value)
