"""The OpenID provider's published documents, read with suspicion (OpenID Connect Discovery 1.0)."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, Key

from gateway.id_tokens import TENANT_PLACE
from gateway.settings import PERSONAL_ACCOUNTS_TENANT
from gateway.urls import LOOPBACK_HOSTS

CALL_LIMIT_S = 8.0
"""For one call of the provider, from the name's look-up to the last byte."""

SHARED_TENANTS = {"common", "organizations", "consumers"}
"""Tenants of the Microsoft identity platform that stand for many."""

SHARED_TENANTS_ISSUERS = (TENANT_PLACE, PERSONAL_ACCOUNTS_TENANT)
"""What the discovery documents of shared tenants name as the issuer's tenant instead."""

MAX_ISSUER_LENGTH = 255
"""What an account's row holds."""


class ProviderUnavailable(Exception):  # noqa: N818 - a state of another service
    """The provider can't be reached or doesn't make sense; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we use of the discovery document."""

    issuer: str
    """May be Microsoft's template with `{tenantid}`."""
    authorization_endpoint: str
    token_endpoint: str
    keys_endpoint: str
    user_info_endpoint: str | None
    end_session_endpoint: str | None
    takes_secret_in_body: bool
    """Whether it accepts `client_secret_post`, which no encoding of the secret can spoil."""
    names_itself: bool
    """Whether it promises an `iss` parameter in its answers (RFC 9207)."""


def discovery_address(issuer: str) -> str:
    """Where an issuer's discovery document is (section 4); a final slash makes no difference."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def metadata_from(document: Mapping[str, Any], issuer: str) -> Metadata:
    """What a discovery document says, if it is that of the configured issuer (section 4.3).

    Raises:
        ProviderUnavailable: It isn't, or lacks something.
    """
    named = document.get("issuer")
    if not isinstance(named, str) or not _may_name_itself(issuer, named):
        message = "discovery document: names another issuer than GATEWAY_OIDC_ISSUER"
        raise ProviderUnavailable(message)
    methods = document.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=named,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        keys_endpoint=_endpoint(document, "jwks_uri", issuer),
        user_info_endpoint=_optional_endpoint(document, "userinfo_endpoint", issuer),
        end_session_endpoint=_optional_endpoint(document, "end_session_endpoint", issuer),
        takes_secret_in_body=isinstance(methods, list) and "client_secret_post" in methods,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def keys_from(document: Mapping[str, Any]) -> list[Key]:
    """The public keys of a key set that may verify a signature; the others are left out.

    Raises:
        ProviderUnavailable: There is none.
    """
    listed = document.get("keys")
    keys = [_public_key(item) for item in listed] if isinstance(listed, list) else []
    usable = [key for key in keys if key is not None]
    if not usable:
        message = "keys endpoint: no usable key"
        raise ProviderUnavailable(message)
    return usable


@asynccontextmanager
async def calling(place: str) -> AsyncIterator[None]:
    """Give one call of the provider a time limit, and its failures one name.

    Raises:
        ProviderUnavailable: The call failed, or its answer is no JSON.
    """
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            yield
    except httpx2.HTTPStatusError as error:
        message = f"{place}: answered {error.response.status_code}"
        raise ProviderUnavailable(message) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as error:
        message = f"{place}: {type(error).__name__}"
        raise ProviderUnavailable(message) from error


def _may_name_itself(configured: str, named: str) -> bool:
    """The same issuer, or for one of Microsoft's shared tenants the same with another tenant."""
    if len(named) > MAX_ISSUER_LENGTH:
        return False
    wanted = configured.rstrip("/")
    parts = wanted.split("/")
    shared = [place for place, part in enumerate(parts) if part in SHARED_TENANTS]
    accepted = {wanted} | {
        "/".join([*parts[:place], tenant, *parts[place + 1 :]])
        for place in shared
        for tenant in SHARED_TENANTS_ISSUERS
    }
    return named.rstrip("/") in accepted


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    address = _optional_endpoint(document, name, issuer)
    if address is None:
        message = f"discovery document: no {name}"
        raise ProviderUnavailable(message)
    return address


def _optional_endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str | None:
    """An endpoint by https; a provider on this machine alone may do without."""
    address = document.get(name)
    if address is None:
        return None
    parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
    local = parts.scheme == "http" and {parts.hostname, urlsplit(issuer).hostname} <= LOOPBACK_HOSTS
    if not parts.hostname or not (parts.scheme == "https" or local):
        message = f"discovery document: {name} is no https:// address"
        raise ProviderUnavailable(message)
    return str(address)


def _public_key(item: object) -> Key | None:
    if not isinstance(item, dict) or item.get("kty") not in {"RSA", "EC", "OKP"}:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # an RSA key under 2048 bits
            return JWKRegistry.import_key(item)
    except (JoseError, SecurityWarning, ValueError, KeyError, TypeError):
        return None
