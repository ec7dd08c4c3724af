"""The invitation as a message: text and HTML, and headers that names can't break."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from urllib.parse import urlsplit

import email_validator
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

import models.addresses  # noqa: F401 - it lets email_validator take `.local` and `.test`
from gateway.mail.names import in_header, plain, shortened, shown_address, unlinked
from resolvers.outbox import ClaimedMail

SUBJECT_NAME_LENGTH = 60
"""How much of a name fits a subject that people still read, in characters."""

DISPLAY_NAME_LENGTH = 64
"""How much of a name goes into an address header, in characters."""

NAMED_SERVICES = 2
"""How many services a sentence names before it only counts the others."""

_ENVIRONMENT = Environment(
    loader=PackageLoader("gateway", "templates/mail"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


class _Policy(EmailPolicy):
    """SMTP's, less a defect: Python 3.11 loses spaces where it folds a line partly outside ASCII.

    Such a subject is encoded as a whole (RFC 2047 section 2).
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == "Subject" and not value.isascii():
            encoded = Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {encoded}{self.linesep}".encode("ascii")
        return bytes(super().fold_binary(name, value))


class Undeliverable(Exception):  # noqa: N818 - an answer, not an error
    """This mail can never be delivered; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and its envelope (RFC 5321 section 2.3.1)."""

    sender: str
    recipient: str
    is_international: bool
    """Whether it needs SMTPUTF8 (RFC 6531): an address has letters outside ASCII before its @."""
    message: bytes = field(repr=False)


def parse_sender(text: str) -> Address:
    """The sender, given as `address` or `Name <address>`.

    Raises:
        ValueError: It is neither, or the address has letters outside ASCII before its @.
    """
    problem = 'must be an address such as "Contoso users <users@contoso.example>"'
    if plain(text) != " ".join(text.split()) or "\n" in text or "\r" in text:
        raise ValueError(problem)
    header = SMTP.header_factory("From", text.strip())
    if header.defects or len(header.addresses) != 1 or header.groups[0].display_name is not None:
        raise ValueError(problem)
    found = header.addresses[0]
    try:
        address = deliverable_address(found.addr_spec)
    except Undeliverable as error:
        raise ValueError(problem) from error
    if not address.isascii():
        message = "must have only ASCII letters before its @"
        raise ValueError(message)
    return Address(display_name=_display_name(found.display_name), addr_spec=address)


def deliverable_address(text: str) -> str:
    """An address as mail servers take it: its domain in the ASCII form (RFC 5890 section 2.3.2.1).

    Raises:
        Undeliverable: It is no address.
    """
    try:
        parsed = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False
        )
    except (email_validator.EmailNotValidError, UnicodeError) as error:
        message = "The e-mail address is not valid."
        raise Undeliverable(message) from error
    return f"{parsed.local_part}@{parsed.ascii_domain or parsed.domain}"


def render(mail: ClaimedMail, *, sender: Address, public_url: str, date: datetime) -> Letter:
    """Compose an invitation; the only link in it is `public_url`'s.

    `date` is the moment of sending. The Message-ID is the same each time for the same mail, so that
    a mail system can drop a double (RFC 5322 section 3.6.4).

    Raises:
        Undeliverable: The recipient's address is none.
    """
    recipient = deliverable_address(mail.recipient_address)
    is_international = not recipient.isascii()
    policy = _Policy(linesep="\r\n", cte_type="7bit", utf8=is_international)
    values = _values(mail, link=f"{public_url}/invitations/{mail.token}")

    message = EmailMessage(policy=policy)
    message["From"] = sender
    message["To"] = _recipient_header(mail.recipient_name, recipient)
    message["Subject"] = values["subject"]
    message["Date"] = date.astimezone(UTC)
    message["Message-ID"] = f"<{mail.id}@{host_name(public_url)}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5
    message["X-Auto-Response-Suppress"] = "All"  # Exchange: no automatic answers
    message.set_content(_text(values), cte="quoted-printable")
    message.add_alternative(_html(values), subtype="html", cte="quoted-printable")
    message["Content-Language"] = "en"
    return Letter(sender.addr_spec, recipient, is_international, message.as_bytes())


def host_name(public_url: str) -> str:
    """The host of an origin as mail names it: a domain in ASCII, or an address in brackets.

    RFC 5321 sections 2.3.5 and 4.1.3; it serves in EHLO and in Message-ID.
    """
    host = urlsplit(public_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    if host.replace(".", "").isdigit():
        return f"[{host}]"
    return host if host.isascii() else host.encode("idna").decode("ascii")


def in_words(moment: datetime) -> str:
    """A moment that nobody can misread: `1 December 2026, 14:05 UTC`."""
    at = moment.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def _recipient_header(name: str, address: str) -> Address:
    local_part, _, domain = address.rpartition("@")
    return Address(display_name=_display_name(name), username=local_part, domain=domain)


def _display_name(text: str) -> str:
    return shortened(in_header(text), length=DISPLAY_NAME_LENGTH)


def _values(mail: ClaimedMail, *, link: str) -> dict[str, str | list[str]]:
    content = mail.content
    organization = unlinked(content["organization_name"])
    service_names = [unlinked(name) for name in content["service_names"]]
    services = _in_a_sentence(service_names)
    return {
        "subject": in_header(
            f"{shortened(organization, length=SUBJECT_NAME_LENGTH)} invites you to "
            f"{shortened(services, length=SUBJECT_NAME_LENGTH)}"
        ),
        "recipient": unlinked(mail.recipient_name),
        "inviter": unlinked(content["inviter_name"]),
        "organization": organization,
        "service_names": service_names,
        "services": services,
        "service_list": ", ".join(service_names),
        "account": shown_address(content["microsoft_account"]),
        "ends": in_words(datetime.fromisoformat(content["expires_at"])),
        "link": link,
    }


def _in_a_sentence(names: Sequence[str]) -> str:
    if len(names) <= NAMED_SERVICES:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1} more services"


def _text(values: dict[str, str | list[str]]) -> str:
    return _ENVIRONMENT.get_template("invitation.txt").render(values)


def _html(values: dict[str, str | list[str]]) -> str:
    isolated = {
        name: _isolated(value)
        for name, value in values.items()
        if isinstance(value, str) and name not in {"subject", "link"}
    }
    label = "Services" if len(values["service_names"]) > 1 else "Service"
    facts = [
        ("Organization", isolated["organization"]),
        (label, isolated["service_list"]),
        ("Invited by", isolated["inviter"]),
        ("Microsoft account", isolated["account"]),
        ("Link ends", isolated["ends"]),
    ]
    return _ENVIRONMENT.get_template("invitation.html").render(values | isolated, facts=facts)


def _isolated(text: str) -> Markup:
    """Escaped, and with a direction of its own, so that a name can't reorder its neighbours."""
    return Markup("<bdi>{}</bdi>").format(text)
