"""A local mail catcher: takes every mail by SMTP, delivers none, and shows them on a page."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP

from aiosmtpd import smtp
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gateway.demo.provider import pages

KEPT = 1000
"""So many mails are kept, the newest."""

LINK = re.compile(r"https?://[^\s<>\"]+")

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
BODY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For what a mail brings along: no script, nothing loaded, and links open in a new tab."""


@dataclass(frozen=True, slots=True)
class Received:
    """A mail."""

    number: int
    at: datetime
    recipients: tuple[str, ...]
    message: EmailMessage
    raw: bytes

    @property
    def subject(self) -> str:
        """Its subject line."""
        return str(self.message["subject"] or "(no subject)")

    def body(self, kind: str) -> str | None:
        """Its part of this kind, `plain` or `html`."""
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else None

    def described(self) -> dict[str, object]:
        """The mail for programs."""
        text = self.body("plain") or ""
        return {
            "number": self.number,
            "receivedAt": self.at.isoformat(),
            "from": str(self.message["from"]),
            "to": list(self.recipients),
            "subject": self.subject,
            "text": text,
            "html": self.body("html"),
            "links": LINK.findall(text),
        }


@dataclass(slots=True)
class Mailbox:
    """Everybody's mail."""

    now: Callable[[], datetime]
    mails: list[Received] = field(default_factory=list)
    taken: int = 0

    def receiver(self) -> smtp.SMTP:
        """One SMTP connection (a protocol factory for `create_server`)."""
        return smtp.SMTP(self, hostname="localhost", enable_SMTPUTF8=True)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: smtp.SMTP, _session: smtp.Session, envelope: smtp.Envelope
    ) -> str:
        """Keep a mail."""
        raw = envelope.original_content or b""
        message = BytesParser(EmailMessage, policy=SMTP).parsebytes(raw)
        self.taken += 1
        received = Received(self.taken, self.now(), tuple(envelope.rcpt_tos), message, raw)
        self.mails = [received, *self.mails[: KEPT - 1]]
        return "250 OK"

    def app(self) -> Starlette:
        """The page."""
        return Starlette(
            routes=[
                Route("/", self.show_all),
                Route("/mails.json", self.list_all),
                Route("/mails/{number:int}", self.show),
                Route("/mails/{number:int}/html", self.show_html),
                Route("/mails/{number:int}/raw", self.show_raw),
            ]
        )

    async def show_all(self, _request: Request) -> Response:
        """All mails, the newest first."""
        return self._page("mails.html", mails=self.mails)

    async def list_all(self, _request: Request) -> Response:
        """All mails for programs, the newest first."""
        return JSONResponse([mail.described() for mail in self.mails])

    async def show(self, request: Request) -> Response:
        """One mail."""
        mail = self._asked(request)
        text = mail.body("plain")
        return self._page(
            "mail.html",
            mail=mail,
            text=None if text is None else _with_links(text),
            has_html=mail.body("html") is not None,
        )

    async def show_html(self, request: Request) -> Response:
        """The HTML part, locked up."""
        html = self._asked(request).body("html")
        if html is None:
            raise HTTPException(404)
        html = re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', html, count=1)
        return HTMLResponse(html, headers={"content-security-policy": BODY_POLICY})

    async def show_raw(self, request: Request) -> Response:
        """The mail as it came."""
        return Response(self._asked(request).raw, media_type="text/plain")

    def _asked(self, request: Request) -> Received:
        for mail in self.mails:
            if mail.number == request.path_params["number"]:
                return mail
        raise HTTPException(404)

    def _page(self, template: str, **values: object) -> Response:
        return HTMLResponse(
            pages.get_template(template).render(**values),
            headers={"content-security-policy": PAGE_POLICY, "cache-control": "no-store"},
        )


def _with_links(text: str) -> Markup:
    pieces = []
    end = 0
    for link in LINK.finditer(text):
        pieces += [
            escape(text[end : link.start()]),
            Markup('<a href="{0}">{0}</a>').format(link.group()),
        ]
        end = link.end()
    return Markup("").join([*pieces, escape(text[end:])])
