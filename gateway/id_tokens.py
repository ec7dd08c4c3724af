"""ID tokens: what the provider signed, checked against everything it could be wrong about.

OpenID Connect Core 1.0 section 3.1.3.7, RFC 7515, and JWT best practice (RFC 8725).
"""

import hmac
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode

LEEWAY = timedelta(seconds=60)
"""How far the provider's clock and ours may be apart."""

MAX_TOKEN_LENGTH = 64 * 1024
MAX_IDENTIFIER_LENGTH = 255
"""Of a subject (OpenID Connect Core section 2)."""

KEY_KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    **{
        f"{family}{bits}": ("RSA", frozenset())
        for family in ("RS", "PS")
        for bits in (256, 384, 512)
    },
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
    "Ed25519": ("OKP", frozenset({"Ed25519"})),
    "Ed448": ("OKP", frozenset({"Ed448"})),
}
"""The algorithms allowed, all asymmetric: never `none`, never an HMAC whose key may be public.

Each with the type and the curves of the keys that may make it, so that no key is used otherwise.
"""

TENANT_PLACE = "{tenantid}"
"""What stands in the issuer of Microsoft's discovery documents that many tenants share."""

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Flaw(StrEnum):
    """Why an ID token is refused."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm not allowed"
    TYPE = "not an ID token by its type"
    CRITICAL_HEADER = "critical header not understood"
    UNKNOWN_KEY = "signed with a key that the provider doesn't publish"
    AMBIGUOUS_KEY = "names no key, and several fit"
    KEY_ISSUER = "signed with another tenant's key"
    SIGNATURE = "wrong signature"
    ISSUER = "wrong issuer"
    TENANT = "tenant is no GUID"
    AUDIENCE = "meant for another client"
    AUTHORIZED_PARTY = "issued to another client"
    EXPIRED = "expired"
    ISSUED_AT = "issued in the future or at no time"
    NOT_BEFORE = "not valid yet"
    NONCE = "answers another sign-in"
    SUBJECT = "names nobody"


class InvalidIdToken(Exception):  # noqa: N818 - a refusal
    """An ID token that can't be believed, and why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


def verified_claims(
    token: str,
    *,
    keys: Sequence[Key],
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
) -> dict[str, Any]:
    """The claims of an ID token that is what it should be. `issuer` may be Microsoft's template.

    Raises:
        InvalidIdToken: It isn't; the flaw says in what. With `UNKNOWN_KEY` the provider may have
            changed its keys since they were read.
    """
    header, payload, key = _opened(token, keys)
    if not _signature_holds(token, header["alg"], key):
        _refuse(Flaw.SIGNATURE)
    claims = _json_object(payload)
    _check_issuer(claims, issuer)
    _check_key_issuer(key, claims)
    _check_audience(claims, client_id)
    _check_times(claims, now)
    if not isinstance(claims.get("nonce"), str) or not _same(claims["nonce"], nonce):
        _refuse(Flaw.NONCE)
    _check_subject(claims)
    return claims


def tenant_vouched_for(claims: Mapping[str, Any]) -> str | None:
    """The tenant (`tid`) that issued verified claims; None if their issuer names another one.

    An issuer that names no tenant is the one that the operator chose, and its word counts.
    """
    tenant = claims.get("tid")
    if not isinstance(tenant, str) or not tenant:
        return None
    named = [part for part in urlsplit(claims["iss"].lower()).path.split("/") if is_guid(part)]
    return tenant.lower() if not named or tenant.lower() in named else None


def issued_by(issuer: object, template: str, tenant: object) -> bool:
    """Whether `issuer` is the template, filled with the tenant where the template has a place."""
    if not isinstance(issuer, str):
        return False
    if TENANT_PLACE not in template:
        return issuer == template
    return is_guid(tenant) and issuer == template.replace(TENANT_PLACE, str(tenant))


def is_guid(value: object) -> bool:
    """Whether it is a GUID in its usual text form."""
    return isinstance(value, str) and GUID.fullmatch(value) is not None


def _opened(token: str, keys: Sequence[Key]) -> tuple[dict[str, Any], bytes, Key]:
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        _refuse(Flaw.MALFORMED)
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature (RFC 7515 section 7.1)
        _refuse(Flaw.MALFORMED)
    header = _json_object(_decoded(parts[0]))
    if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid", ""), str):
        _refuse(Flaw.MALFORMED)
    if header["alg"] not in KEY_KINDS:
        _refuse(Flaw.ALGORITHM)
    if "crit" in header or "b64" in header:
        _refuse(Flaw.CRITICAL_HEADER)
    # An access or logout token says so here (RFC 8725 section 3.11); most ID tokens say "JWT".
    if str(header.get("typ", "JWT")).lower() not in {"jwt", "application/jwt"}:
        _refuse(Flaw.TYPE)
    return header, _decoded(parts[1]), _key_for(header, keys)


def _key_for(header: Mapping[str, Any], keys: Sequence[Key]) -> Key:
    fitting = [key for key in keys if _fits(key, header["alg"])]
    if "kid" in header:
        fitting = [key for key in fitting if key.get("kid") == header["kid"]]
    if not fitting:
        _refuse(Flaw.UNKNOWN_KEY)
    if len(fitting) > 1:
        _refuse(Flaw.AMBIGUOUS_KEY)
    return fitting[0]


def _fits(key: Key, algorithm: str) -> bool:
    kind, curves = KEY_KINDS[algorithm]
    return (
        key.key_type == kind
        and (not curves or key.get("crv") in curves)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and "verify" in (key.get("key_ops") or ["verify"])
    )


def _signature_holds(token: str, algorithm: str, key: Key) -> bool:
    """By the algorithm's own model, since joserfc warns of `EdDSA`, which providers still use."""
    signed, _, signature = token.rpartition(".")
    model = jws.JWSRegistry.algorithms[algorithm]
    try:
        model.check_key(key)
        return model.verify(signed.encode(), _decoded(signature), key)
    except (JoseError, ValueError):
        return False


def _check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    if TENANT_PLACE in issuer and not is_guid(claims.get("tid")):
        _refuse(Flaw.TENANT)
    if not issued_by(claims.get("iss"), issuer, claims.get("tid")):
        _refuse(Flaw.ISSUER)


def _check_key_issuer(key: Key, claims: Mapping[str, Any]) -> None:
    """Microsoft says of some keys which tenant they sign for; others must not sign with them."""
    owner = key.get("issuer")
    if isinstance(owner, str) and not issued_by(claims["iss"], owner, claims.get("tid")):
        _refuse(Flaw.KEY_ISSUER)


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        _refuse(Flaw.AUDIENCE)
    party = claims.get("azp")
    if (party is None and len(audiences) > 1) or (party is not None and party != client_id):
        _refuse(Flaw.AUTHORIZED_PARTY)


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    clock, leeway = now.timestamp(), LEEWAY.total_seconds()
    ends = _seconds(claims.get("exp"))
    if ends is None or ends + leeway <= clock:
        _refuse(Flaw.EXPIRED)
    issued = _seconds(claims.get("iat"))
    if issued is None or issued - leeway > clock:
        _refuse(Flaw.ISSUED_AT)
    begins = _seconds(claims.get("nbf", 0))
    if begins is None or begins - leeway > clock:
        _refuse(Flaw.NOT_BEFORE)


def _seconds(value: object) -> float | None:
    """A NumericDate (RFC 7519 section 2); JSON as Python reads it has NaN and Infinity too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _check_subject(claims: Mapping[str, Any]) -> None:
    subject = claims.get("sub")
    if (
        not isinstance(subject, str)
        or not subject
        or len(subject) > MAX_IDENTIFIER_LENGTH
        or not (subject.isascii() and subject.isprintable())
    ):
        _refuse(Flaw.SUBJECT)


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part.encode())
    except ValueError:
        _refuse(Flaw.MALFORMED)


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        _refuse(Flaw.MALFORMED)
    if not isinstance(value, dict):
        _refuse(Flaw.MALFORMED)
    return value


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def _refuse(flaw: Flaw) -> NoReturn:
    raise InvalidIdToken(flaw) from None
