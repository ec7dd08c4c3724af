"""Whether the provider has vouched that an address is the person's own (nOAuth: many have not)."""

from collections.abc import Mapping
from typing import Any

from gateway.id_tokens import tenant_vouched_for
from gateway.settings import Settings
from models.addresses import address_key
from resolvers.sessions import Identity

DOMAIN_OWNER_VERIFIED = (True, "true", "1")
"""How Microsoft writes `xms_edov`; also as the number 1, which equals True."""

EMAIL_CLAIM = "email"


def identity_from(
    claims: Mapping[str, Any], described: Mapping[str, Any], *, settings: Settings
) -> Identity:
    """The person of verified ID-token claims.

    `described` is where the account claim is: those claims themselves or, where it isn't among
    them, the userinfo endpoint's. Only what stands beside the account claim can confirm it.
    """
    name = claims.get("name") or described.get("name")
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        microsoft_account=confirmed_address(claims, described, settings=settings),
        display_name=clean_name(name) if isinstance(name, str) else None,
    )


def confirmed_address(
    claims: Mapping[str, Any], described: Mapping[str, Any], *, settings: Settings
) -> str | None:
    """The account claim, if it is an address that the provider confirms, else None.

    A personal Microsoft account's address is confirmed by its tenant; others by `email_verified`
    or `xms_edov`, whatever else the address is used for.
    """
    address = described.get(settings.oidc_account_claim)
    if not isinstance(address, str) or not _is_address(address):
        return None
    trusted = {tenant.lower() for tenant in settings.oidc_trusted_tenants}
    if tenant_vouched_for(claims) in trusted or _is_verified(address, described):
        return address
    return None


def clean_name(name: str) -> str | None:
    """A name on one line, without what can't be stored or shown; None if nothing is left."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split()) or None


def _is_verified(address: str, described: Mapping[str, Any]) -> bool:
    """Both claims speak of `email`: another claim's address counts only if it is that one."""
    verified = described.get("email_verified")
    if not (
        verified is True or verified == "true" or described.get("xms_edov") in DOMAIN_OWNER_VERIFIED
    ):
        return False
    email = described.get(EMAIL_CLAIM)
    if email is None:
        return True
    return (
        isinstance(email, str) and _is_address(email) and address_key(email) == address_key(address)
    )


def _is_address(text: str) -> bool:
    try:
        address_key(text)
    except ValueError:
        return False
    return True
