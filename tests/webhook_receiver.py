"""A receiver of webhooks for tests: a real HTTPS server with a certificate of its own authority."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Message:
    """What came."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body, read."""
        content: dict[str, object] = orjson.loads(self.body)
        return content


@dataclass
class Receiver:
    """What it was sent, and what it answers."""

    url: str
    answers: list[int] = field(default_factory=list)
    """The statuses to answer with, one after the other; 204 once they are used up."""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    messages: list[Message] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def wait_for(self, number: int, *, within_s: float = 15.0) -> list[Message]:
        """The messages once there are so many; for a receiver that runs on another thread."""
        deadline = time.monotonic() + within_s
        while len(self.messages) < number and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.messages) >= number, self.messages
        return self.messages

    async def respond(self, request: Request) -> Response:
        """Take a message."""
        self.messages.append(Message(dict(request.headers), await request.body()))
        self.came.set()
        if self.hangs:
            await asyncio.sleep(60)
        status = self.answers.pop(0) if self.answers else 204
        return Response(status_code=status, headers=self.headers)


@asynccontextmanager
async def receiving(folder: Path) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine; its authority's certificate is `folder/ca.pem`.

    What `certify` has put there before is used.
    """
    if not (folder / "ca.pem").exists():
        certify(folder)
    receiver = Receiver("")
    app = Starlette(routes=[Route("/hook", receiver.respond, methods=["POST"])])
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        lifespan="off",
        ssl_certfile=str(folder / "server.pem"),
        ssl_keyfile=str(folder / "server.key"),
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    receiver.url = f"https://localhost:{port}/hook"
    try:
        yield receiver
    finally:
        server.should_exit = True
        await serving


@contextmanager
def receiving_apart(folder: Path) -> Iterator[Receiver]:
    """Such a receiver on a thread of its own, for tests that wait for a browser."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = receiving(folder)
    try:
        receiver = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result()
        # A connection that the gateway keeps would outlive the loop.
        receiver.headers["connection"] = "close"
        yield receiver
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def certify(folder: Path) -> None:
    """Make an authority, and by it a certificate for `localhost`, valid for a day."""
    authority, authority_key = _certificate("An authority for tests", None)
    certificate, key = _certificate("localhost", (authority, authority_key))
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    ssl.create_default_context(cafile=str(folder / "ca.pem"))  # it can be read


def _certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """With the extensions of RFC 5280 section 4.2.1, on which Python insists from 3.13 on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(_usage(is_authority=issuer is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(of_issuer, critical=False)
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
