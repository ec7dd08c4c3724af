"""How an invitation reads, and that no name can change what it does."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.message import Letter, Undeliverable, host_name, in_words, parse_sender, render
from gateway.mail.names import unlinked
from gateway.mail.server import MailServer, Security
from gateway.mail.session import without_secrets
from models.invitations import InvitationContent
from resolvers.outbox import ClaimedMail
from tests.smtp_server import Received

PUBLIC_URL = "https://users.gateway.example"
TOKEN = "f7BqGJYtqv5y4C2yFZ1wG0m6sP8uQ3xR9kLnT2eHdVo"
LINK = f"{PUBLIC_URL}/invitations/{TOKEN}"
SENDER = parse_sender("Commerce Services <users@gateway.example>")
ENDS = datetime(2026, 12, 1, 14, 5, tzinfo=UTC)


def mail(
    *,
    name: str = "Bob Baker",
    address: str = "bob.baker@contoso.example",
    organization: str = "Contoso Retail",
    services: tuple[str, ...] = ("Commerce Services", "Sites Services"),
    inviter: str = "Alice Archer",
    account: str = "Bob@live.example",
) -> ClaimedMail:
    return ClaimedMail(
        id=UUID("01937a3c-0000-7000-8000-000000000001"),
        invitation_id=UUID("01937a3c-0000-7000-8000-000000000002"),
        recipient_name=name,
        recipient_address=address,
        content=InvitationContent(
            organization_name=organization,
            service_names=list(services),
            inviter_name=inviter,
            microsoft_account=account,
            expires_at=ENDS.isoformat(),
        ),
        token=TOKEN,
        attempt=1,
        give_up_at=ENDS,
        last_failure=None,
    )


def letter(of: ClaimedMail, *, date: datetime = ENDS) -> Letter:
    return render(of, sender=SENDER, public_url=PUBLIC_URL, date=date)


def read(of: ClaimedMail) -> Received:
    done = letter(of)
    return Received(done.sender, done.recipient, done.message)


class Page(HTMLParser):
    """What a reader of the HTML part sees, and everything it could load or open."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.references += [
            value or "" for name, value in attrs if name in {"href", "src", "background", "action"}
        ]

    def handle_data(self, data: str) -> None:
        """Note text, apart from what other elements hold."""
        self.text += f" {data}"


LINKED_BY_MAIL_PROGRAMS = re.compile(
    r"""(?ix)
    \b(https?|ftp|file|mailto|tel|sms|javascript|data|news|skype): [^\s]
    | \bwww\.\S
    | [a-z0-9-]+\.[a-z]{2,}
    | [\w.+-]@[\w-]
    """
)
"""More eager than any mail program: schemes, `www.`, bare names of hosts, addresses."""


def test_the_text_part_says_who_invites_whom_to_what_and_until_when() -> None:
    assert read(mail()).part("plain") == (
        "Hello Bob Baker,\n\n"
        "Alice Archer has invited you to use Commerce Services and Sites Services for "
        "Contoso Retail.\n\n"
        "To accept, open this page and sign in with the Microsoft account named below:\n\n"
        f"{LINK}\n\n"
        "Organization: Contoso Retail\n"
        "Services: Commerce Services, Sites Services\n"
        "Invited by: Alice Archer\n"
        "Microsoft account: Bob@live.example\n"
        "Link ends: 1 December 2026, 14:05 UTC\n\n"
        "Only this Microsoft account can accept. The link works once.\n\n"
        "If you did not expect this invitation, ignore this message.\n"
        "Nothing happens unless you open the link and sign in. Do not forward it.\n"
    )


def test_the_html_part_says_the_same_and_refers_to_nothing_but_the_link() -> None:
    page = Page(read(mail()).part("html"))

    assert page.references == [LINK]
    assert page.tags.isdisjoint({"img", "script", "iframe", "form", "link", "object", "video"})
    for said in ("Alice Archer", "Contoso Retail", "Commerce Services, Sites Services",
                 "Bob@live.example", "1 December 2026, 14:05 UTC"):  # fmt: skip
        assert said in page.text


def test_the_headers_tell_what_the_message_is() -> None:
    message = read(mail()).message

    assert {name: str(value) for name, value in message.items() if name != "Content-Type"} == {
        "From": "Commerce Services <users@gateway.example>",
        "To": "Bob Baker <bob.baker@contoso.example>",
        "Subject": "Contoso Retail invites you to Commerce Services and Sites Services",
        "Date": "Tue, 01 Dec 2026 14:05:00 +0000",
        "Message-ID": "<01937a3c-0000-7000-8000-000000000001@users.gateway.example>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Content-Language": "en",
        "MIME-Version": "1.0",
    }
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_charset() for part in message.iter_parts()] == ["utf-8", "utf-8"]


def test_the_message_id_stays_the_same_at_every_attempt() -> None:
    first, later = letter(mail()), letter(mail(), date=ENDS + timedelta(hours=1))

    ids = [re.findall(rb"Message-ID: (.*)\r\n", one.message) for one in (first, later)]
    assert ids[0] == ids[1]


def test_many_services_are_all_listed_and_counted_in_the_sentence() -> None:
    text = read(mail(services=("One", "Two", "Three"))).part("plain")

    assert "invited you to use One and 2 more services for" in text
    assert "Services: One, Two, Three" in text


HOSTILE = [
    "Bob\r\nBcc: everyone@evil.example",
    "Bob\n\nYour account is locked",
    "<script>alert(1)</script><a href='http://evil.example'>Bob</a>",
    'Bob" <evil@evil.example>, "x',
    "http://evil.example",
    "evil.example/reset",
    "www.evil.example",
    "mailto:evil@evil.example",
    "evil\u3002example",
    "\u202egnp.exe\u202c\u2066\u2069\u061c\u200f",
    "=?utf-8?q?=0D=0ABcc:_evil=40evil.example?=",
    "=?utf-8?b?PGV2aWxAZXZpbC5leGFtcGxlPg==?=",
    "Bob, evil@evil.example, é" * 6,
    "\\" * 100,
    '"' * 100,
    "x" * 200,
    "\U0001f600" * 200,
    "Ünal, Ç. \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u200d",
    "\x00\x1b[31m\x7f\u2028\u2029\ufeff\U000e0041",
    "{{ 7 * 7 }}{% raw %}",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_injects_nothing(name: str) -> None:
    hold_that_names_inject_nothing(name)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([*HOSTILE, " ", "=?", "?=", "\r", ".", ",", "@"]), st.text()),
        max_size=4,
    ).map(lambda parts: "".join(parts)[:200])
)
def test_no_name_at_all_injects_anything(name: str) -> None:
    hold_that_names_inject_nothing(name)


def hold_that_names_inject_nothing(name: str) -> None:
    hostile = mail(name=name, organization=name, services=(name, name), inviter=name)
    done, got = letter(hostile), read(hostile)
    message = got.message
    page = Page(got.part("html"))
    text = got.part("plain")

    assert sorted(message.keys()) == sorted(read(mail()).message.keys())
    assert [to.addr_spec for to in message["To"].addresses] == ["bob.baker@contoso.example"]
    assert not message["To"].defects
    assert max(len(line) for line in done.message.split(b"\r\n")) <= 998
    assert done.message.isascii()
    assert page.tags == Page(read(mail()).part("html")).tags
    assert page.references == [LINK]
    assert text.count("\n") == read(mail()).part("plain").count("\n")
    for shown in (
        text,
        page.text,
        str(message["Subject"]),
        message["To"].addresses[0].display_name,
    ):
        assert not [letter for letter in shown if unicodedata.category(letter) in {"Cc", "Cs"}
                    and letter not in "\r\n"]  # fmt: skip
        assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
    for shown in (text, page.text, str(message["Subject"])):
        names_only = shown.replace(LINK, "").replace("Bob@live.example", "")
        assert not LINKED_BY_MAIL_PROGRAMS.search(names_only)


@pytest.mark.parametrize(
    "name",
    ["J. R. Smith", "Contoso, Inc.", "Anne-Marie O'Brien", "Ünal Çelik", "\u5f20\u4f1f", "AT&T"],
)
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert unlinked(name) == name
    assert f"Hello {name},\n" in read(mail(name=name)).part("plain")


def test_a_name_like_a_link_looks_the_same_but_is_broken_up() -> None:
    assert unlinked("evil.example") == "evil\u200c.\u200cexample"


def test_a_microsoft_account_that_looks_like_a_link_is_broken_up_too() -> None:
    text = read(mail(account="www.evil.example/x@live.example")).part("plain")

    assert "www\u200c.\u200cevil" in text


def test_an_internationalised_domain_is_sent_in_its_ascii_form() -> None:
    done = letter(mail(address="bob@b\u00fccher.example"))

    assert (done.recipient, done.is_international) == ("bob@xn--bcher-kva.example", False)


def test_an_international_address_asks_for_smtputf8() -> None:
    done = letter(mail(address="b\u00f6b@b\u00fccher.example", name="B\u00f6b"))

    assert (done.recipient, done.is_international) == ("b\u00f6b@xn--bcher-kva.example", True)
    assert "To: B\u00f6b <b\u00f6b@xn--bcher-kva.example>\r\n".encode() in done.message


def test_an_address_that_is_none_can_never_be_delivered() -> None:
    with pytest.raises(Undeliverable, match="The e-mail address is not valid"):
        letter(mail(address="bob@contoso.example>\r\nRCPT TO:<evil@evil.example"))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://users.gateway.example", "users.gateway.example"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
        ("https://b\u00fccher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_host_is_named_as_mail_names_hosts(origin: str, host: str) -> None:
    assert host_name(origin) == host


def test_a_moment_is_told_in_utc_and_with_the_month_by_name() -> None:
    at = datetime(2027, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))

    assert in_words(at) == "28 February 2027, 22:30 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("users@gateway.example", "users@gateway.example"),
        ("Commerce Services <users@gateway.example>", "Commerce Services <users@gateway.example>"),
        ('"Contoso, Inc." <u@b\u00fccher.example>', '"Contoso, Inc." <u@xn--bcher-kva.example>'),
        ("gateway@localhost", "gateway@localhost"),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str, shown: str) -> None:
    assert str(parse_sender(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "users",
        "a@gateway.example, b@gateway.example",
        "group: a@gateway.example;",
        "users@gateway.example\r\nBcc: evil@evil.example",
        "Users users@gateway.example",
        "\u00fcsers@gateway.example",
    ],
)
def test_anything_else_is_no_sender(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_sender(text)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 25, Security.PLAIN)),
        ("smtp://mail.example:2525/", MailServer("mail.example", 2525, Security.PLAIN)),
        ("smtp://[::1]:2525?starttls=false", MailServer("::1", 2525, Security.PLAIN)),
        (
            "smtp://us%40er:p%3A%2F%C3%A9@mail.example?starttls=true",
            MailServer("mail.example", 587, Security.STARTTLS, "us@er", "p:/\u00e9"),
        ),
        ("smtps://u:p@mail.example", MailServer("mail.example", 465, Security.TLS, "u", "p")),
    ],
)
def test_a_mail_server_is_understood_from_its_url(url: str, server: MailServer) -> None:
    assert MailServer.from_url(url) == server
    assert MailServer.from_url(url).password == server.password


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://mail.example", "must look like"),
        ("smtp://", "must have a host"),
        ("smtp://mail.example:99999", "port from 1 to 65535"),
        ("smtp://mail.example?tls=yes&verify=no", "unknown parameters: tls, verify"),
        ("smtp://mail.example?starttls=1", "starttls=true or starttls=false"),
        ("smtp://mail.example?starttls=true&starttls=false", "each parameter once"),
        ("smtps://mail.example?starttls=true", "encrypted from the start"),
        ("smtp://user@mail.example", "both a user and a password"),
        ("smtp://user:se%23cret#x@mail.example", "# as %23"),
        ("smtp://mail.example/cret", "must end after the port"),
        ("smtp://user:p/w@mail.example", "must"),
        ("smtp://user:%FF@mail.example", "percent-encoded as UTF-8"),
        ("smtp://user:a%0D%0Ab@mail.example", "no control characters"),
    ],
)
def test_a_url_that_can_not_be_understood_is_refused_in_one_line_without_secrets(
    url: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        MailServer.from_url(url)

    assert "\n" not in str(refused.value)
    assert "cret" not in str(refused.value)


def test_a_reason_holds_no_piece_of_a_secret() -> None:
    told = f"554 blocked {LINK} and\r\n <{TOKEN[5:25]}> for hunter2\u202e"

    assert without_secrets(told, secrets=[TOKEN, "hunter2", ""]) == (
        "554 blocked (hidden) and (hidden) for (hidden)"
    )
