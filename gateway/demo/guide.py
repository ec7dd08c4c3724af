"""What the demo tells whoever has started it."""

from dataclasses import dataclass
from pathlib import Path

from gateway.demo.people import GROUPS


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Where everything is found."""

    gateway: str
    provider: str
    mailbox: str
    smtp_port: int


def guide(addresses: Addresses, *, folder: Path | None) -> str:
    """The guide. `folder` is where the data stays, None if it doesn't."""
    return f"""
  The gateway is running, with sample data. Ctrl-C stops all of it.

    Customer Portal   {addresses.gateway}/
    GraphiQL          {addresses.gateway}/graphql
    Sign-in           {addresses.provider}  (it comes up by itself; no passwords)
    Mail catcher      {addresses.mailbox}  (SMTP on port {addresses.smtp_port})
    Data              {folder or "in a temporary folder that goes with the demo"}

  Who can sign in
{_people()}
  What to try
    1. Sign in as Alice, open User management, and search, filter and page through Contoso.
    2. Create a user with roles, Save, and Send invitation. The mail is in the mail catcher.
    3. Follow its link. As the wrong person you are told so; as the right one, you are in.
    4. As Frank, see what Microsoft Dynamics AX 2012 R3 does to Commerce Services.
    5. As Zoe, sign a new organization up for a service, in GraphiQL's tab SignUp.
"""


def _people() -> str:
    lines = []
    for group, people in GROUPS.items():
        lines.append(f"    {group}")
        lines += [
            f"      {person.name:<13} {person.account:<18} {person.what}" for person in people
        ]
    return "\n".join(lines) + "\n"
