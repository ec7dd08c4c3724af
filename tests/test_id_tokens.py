"""Hostile ID tokens, each sent through a whole sign-in, each refused for its own reason."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from structlog.testing import capture_logs

from gateway.id_tokens import Flaw
from models.accounts import Account, Session
from tests.oidc_tokens import (
    EC,
    OKP,
    OTHER_RSA,
    RSA,
    LocalProvider,
    encoded,
    signed,
)
from tests.sign_in_browser import Browser

pytest_plugins = ["tests.sign_in_fixtures"]

TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
OTHER_TENANT = "11111111-2222-3333-4444-555555555555"

MALLORYS = RSAKey.generate_key(2048, {"kid": "mallory"})

Forge = Callable[[dict[str, Any]], str]


def with_claims(**changes: Any) -> Forge:
    """Signed rightly, but with these claims; None leaves one out."""
    return lambda claims: signed(
        {name: value for name, value in {**claims, **changes}.items() if value is not None}
    )


def shifted(name: str, seconds: int) -> Forge:
    return lambda claims: signed({**claims, name: claims["iat"] + seconds})


def with_header(**changes: Any) -> Forge:
    return lambda claims: signed(claims, header=changes)


def unsigned(algorithm: object) -> Forge:
    def forge(claims: dict[str, Any]) -> str:
        header = encoded(json.dumps({"alg": algorithm, "kid": "rsa"}))
        return f"{header}.{encoded(json.dumps(claims))}."

    return forge


def keyed_with_the_public_key(claims: dict[str, Any]) -> str:
    """The classic confusion of algorithms: the public key as an HMAC secret."""
    content = f"{encoded(json.dumps({'alg': 'HS256', 'kid': 'rsa'}))}.{encoded(json.dumps(claims))}"
    pem = RSA.as_pem(private=False)
    return f"{content}.{encoded(hmac.digest(pem, content.encode(), hashlib.sha256))}"


def with_payload_swapped(claims: dict[str, Any]) -> str:
    header, _, signature = signed(claims).split(".")
    return f"{header}.{encoded(json.dumps({**claims, 'sub': 'mallory'}))}.{signature}"


def with_signature_of(length: int) -> Forge:
    def forge(claims: dict[str, Any]) -> str:
        return signed(claims).rpartition(".")[0] + "." + encoded(b"\1" * length)

    return forge


HOSTILE: dict[str, tuple[Forge, Flaw]] = {
    "alg none": (unsigned("none"), Flaw.ALGORITHM),
    "alg None": (unsigned("None"), Flaw.ALGORITHM),
    "alg HS256 with the public key": (keyed_with_the_public_key, Flaw.ALGORITHM),
    "alg unknown": (unsigned("RS1"), Flaw.ALGORITHM),
    "alg ES256K": (unsigned("ES256K"), Flaw.ALGORITHM),
    "alg missing": (lambda c: f"{encoded('{}')}.{encoded(json.dumps(c))}.AA", Flaw.MALFORMED),
    "alg not a string": (unsigned(["RS256"]), Flaw.MALFORMED),
    "no dots": (lambda _: "token", Flaw.MALFORMED),
    "four parts": (lambda c: f"{signed(c)}.AA", Flaw.MALFORMED),
    "encrypted": (lambda c: f"{signed(c)}.AA.AA", Flaw.MALFORMED),
    "not ASCII": (lambda c: f"{signed(c)}é", Flaw.MALFORMED),
    "padded": (lambda c: "=" + signed(c), Flaw.MALFORMED),
    "far too long": (lambda c: signed({**c, "more": "x" * 100_000}), Flaw.MALFORMED),
    "header a list": (lambda c: f"{encoded('[]')}.{encoded(json.dumps(c))}.AA", Flaw.MALFORMED),
    "header nested too deep": (lambda _: f"{encoded('[' * 9000)}.AA.AA", Flaw.MALFORMED),
    "payload a list": (lambda _: signed("[]"), Flaw.MALFORMED),
    "payload no JSON": (lambda _: signed(b"\xff\xfe"), Flaw.MALFORMED),
    "kid not a string": (with_header(kid=7), Flaw.MALFORMED),
    "crit": (with_header(crit=["exp"], exp=1), Flaw.CRITICAL_HEADER),
    "crit empty": (with_header(crit=[]), Flaw.CRITICAL_HEADER),
    "payload not encoded": (with_header(b64=False, crit=["b64"]), Flaw.CRITICAL_HEADER),
    "an access token": (with_header(typ="at+jwt"), Flaw.TYPE),
    "a logout token": (with_header(typ="logout+jwt"), Flaw.TYPE),
    "kid unknown": (with_header(kid="elsewhere"), Flaw.UNKNOWN_KEY),
    "kid of another kind of key": (with_header(kid="ec"), Flaw.UNKNOWN_KEY),
    "kid absent among several keys": (
        lambda c: signed(c, without="kid"),
        Flaw.AMBIGUOUS_KEY,
    ),
    "key of its own in the header": (
        lambda c: signed(
            c, key=MALLORYS, header={"kid": "mallory", "jwk": MALLORYS.as_dict(private=False)}
        ),
        Flaw.UNKNOWN_KEY,
    ),
    "key swapped": (
        lambda c: signed(c, key=OTHER_RSA, header={"kid": "rsa"}),
        Flaw.SIGNATURE,
    ),
    "key not the provider's": (
        lambda c: signed(c, key=MALLORYS, header={"kid": "rsa"}),
        Flaw.SIGNATURE,
    ),
    "payload swapped": (with_payload_swapped, Flaw.SIGNATURE),
    "signature empty": (with_signature_of(0), Flaw.SIGNATURE),
    "signature short": (with_signature_of(3), Flaw.SIGNATURE),
    "signature of another algorithm": (
        lambda c: signed(c).replace(
            signed(c).split(".")[0],
            encoded(json.dumps({"alg": "PS256", "typ": "JWT", "kid": "rsa"})),
        ),
        Flaw.SIGNATURE,
    ),
    "ES256 signature of zeros": (
        lambda c: (
            signed(c, key=EC, header={"alg": "ES256"}).rpartition(".")[0] + "." + encoded(bytes(64))
        ),
        Flaw.SIGNATURE,
    ),
    "iss missing": (with_claims(iss=None), Flaw.ISSUER),
    "iss another": (with_claims(iss="https://evil.example"), Flaw.ISSUER),
    "iss with a slash more": (lambda c: signed({**c, "iss": c["iss"] + "/"}), Flaw.ISSUER),
    "iss a list": (lambda c: signed({**c, "iss": [c["iss"]]}), Flaw.ISSUER),
    "aud missing": (with_claims(aud=None), Flaw.AUDIENCE),
    "aud another": (with_claims(aud="another-client"), Flaw.AUDIENCE),
    "aud a part of ours": (with_claims(aud="gateway-client-2"), Flaw.AUDIENCE),
    "aud an object": (with_claims(aud={"gateway-client": 1}), Flaw.AUDIENCE),
    "aud several without azp": (
        with_claims(aud=["gateway-client", "another-client"]),
        Flaw.AUTHORIZED_PARTY,
    ),
    "azp another": (with_claims(azp="another-client"), Flaw.AUTHORIZED_PARTY),
    "exp missing": (with_claims(exp=None), Flaw.EXPIRED),
    "exp past": (shifted("exp", -61), Flaw.EXPIRED),
    "exp NaN": (with_claims(exp=float("nan")), Flaw.EXPIRED),
    "exp infinite": (with_claims(exp=float("inf")), Flaw.EXPIRED),
    "exp a string": (with_claims(exp="9999999999"), Flaw.EXPIRED),
    "exp true": (with_claims(exp=True), Flaw.EXPIRED),
    "iat missing": (with_claims(iat=None), Flaw.ISSUED_AT),
    "iat in the future": (shifted("iat", 90), Flaw.ISSUED_AT),
    "iat NaN": (with_claims(iat=float("nan")), Flaw.ISSUED_AT),
    "nbf in the future": (shifted("nbf", 90), Flaw.NOT_BEFORE),
    "nonce missing": (with_claims(nonce=None), Flaw.NONCE),
    "nonce another": (with_claims(nonce="another"), Flaw.NONCE),
    "nonce not text": (with_claims(nonce="\ud800"), Flaw.NONCE),
    "sub missing": (with_claims(sub=None), Flaw.SUBJECT),
    "sub empty": (with_claims(sub=""), Flaw.SUBJECT),
    "sub a number": (with_claims(sub=7), Flaw.SUBJECT),
    "sub too long": (with_claims(sub="s" * 256), Flaw.SUBJECT),
    "sub with a NUL": (with_claims(sub="alice\0"), Flaw.SUBJECT),
    "sub not ASCII": (with_claims(sub="aliсe"), Flaw.SUBJECT),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_id_token_is_refused_for_its_own_reason(
    browser: Browser, provider: LocalProvider, name: str
) -> None:
    provider.publish(RSA, OTHER_RSA, EC, OKP)
    provider.forge, flaw = HOSTILE[name]
    with capture_logs() as logs:
        response = await browser.sign_in(provider)

    assert [entry.get("reason") for entry in logs] == [flaw.value]
    assert response.status_code == 400
    assert "could not be verified" in response.text
    assert flaw.value not in response.text
    assert await Account.all().count() == await Session.all().count() == 0
    assert await browser.who() == "anonymous"


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        *((f"{family}{bits}", RSA) for family in ("RS", "PS") for bits in (256, 384, 512)),
        ("ES256", EC),
        ("ES384", ECKey.generate_key("P-384", {"kid": "ec384"})),
        ("ES512", ECKey.generate_key("P-521", {"kid": "ec521"})),
        ("EdDSA", OKP),
        ("Ed25519", OKP),
    ],
)
async def test_each_asymmetric_algorithm_is_accepted(
    browser: Browser, provider: LocalProvider, algorithm: str, key: Any
) -> None:
    provider.publish(OTHER_RSA, key)
    provider.forge = lambda claims: signed(claims, key=key, header={"alg": algorithm})
    response = await browser.sign_in(provider)

    assert response.status_code == 303


@pytest.mark.parametrize(
    "forge",
    [
        shifted("exp", -59),
        shifted("iat", 59),
        shifted("nbf", 59),
        with_claims(aud=["gateway-client"]),
        with_claims(aud=["other", "gateway-client"], azp="gateway-client"),
        with_claims(sub="s" * 255),
        with_header(typ="jwt"),
        with_header(x5t="thumbprint", vendor={"more": 1}),
        lambda claims: signed(claims, without="kid"),
        lambda claims: signed(claims, without="typ"),
    ],
)
async def test_what_a_provider_may_do_is_accepted(
    browser: Browser, provider: LocalProvider, forge: Forge
) -> None:
    provider.forge = forge
    response = await browser.sign_in(provider)

    assert response.status_code == 303


async def test_keys_that_cannot_sign_are_not_used(
    browser: Browser, provider: LocalProvider
) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
    provider.published = [
        {"kty": "oct", "k": secret, "kid": "rsa"},
        {"kty": "AKP", "kid": "rsa", "pub": "AA"},
        {**RSA.as_dict(private=False), "use": "enc"},
        {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"},
        "no key",  # type: ignore[list-item]
    ]
    with capture_logs() as logs:
        response = await browser.sign_in(provider)

    assert response.status_code == 400
    assert logs[0]["reason"] == Flaw.UNKNOWN_KEY.value


# ------------------------------------------------- Microsoft's issuers that many tenants share


@pytest.fixture
def templated(provider: LocalProvider) -> str:
    provider.document = {"issuer": f"http://127.0.0.1:{provider.port}/{{tenantid}}/v2.0"}
    return f"http://127.0.0.1:{provider.port}/{{}}/v2.0"


async def test_a_templated_issuer_is_filled_with_the_tokens_own_tenant(
    browser: Browser, provider: LocalProvider, templated: str
) -> None:
    provider.claims = {"iss": templated.format(OTHER_TENANT), "tid": OTHER_TENANT}
    response = await browser.sign_in(provider)

    assert response.status_code == 303
    assert (await Account.get()).issuer == templated.format(OTHER_TENANT)


@pytest.mark.parametrize(
    "case",
    [
        (OTHER_TENANT, TENANT, Flaw.ISSUER),
        ("{tenantid}", "{tenantid}", Flaw.TENANT),
        ("common", "common", Flaw.TENANT),
        (OTHER_TENANT, None, Flaw.TENANT),
        (f"{OTHER_TENANT}/../{TENANT}", f"{OTHER_TENANT}/../{TENANT}", Flaw.TENANT),
        (OTHER_TENANT, [OTHER_TENANT], Flaw.TENANT),
        (f"{OTHER_TENANT}\n", f"{OTHER_TENANT}\n", Flaw.TENANT),
    ],
)
async def test_a_tenant_that_does_not_match_the_issuer_is_refused(
    browser: Browser,
    provider: LocalProvider,
    templated: str,
    case: tuple[str, Any, Flaw],
) -> None:
    issuer_tenant, tenant, flaw = case
    provider.claims = {"iss": templated.format(issuer_tenant), "tid": tenant}
    with capture_logs() as logs:
        response = await browser.sign_in(provider)

    assert response.status_code == 400
    assert logs[0]["reason"] == flaw.value


@pytest.mark.parametrize(
    ("owner", "status"), [(TENANT, 400), (OTHER_TENANT, 303), ("{tenantid}", 303)]
)
async def test_a_key_of_one_tenant_does_not_sign_for_another(
    browser: Browser, provider: LocalProvider, templated: str, owner: str, status: int
) -> None:
    provider.published = [{**RSA.as_dict(private=False), "issuer": templated.format(owner)}]
    provider.claims = {"iss": templated.format(OTHER_TENANT), "tid": OTHER_TENANT}
    response = await browser.sign_in(provider)

    assert response.status_code == status
