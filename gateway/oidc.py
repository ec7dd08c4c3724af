"""The OpenID provider: its documents in memory, codes exchanged, its own sessions ended."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]
from joserfc.jwk import Key

from gateway.discovery import (
    CALL_LIMIT_S,
    Metadata,
    ProviderUnavailable,
    calling,
    discovery_address,
    keys_from,
    metadata_from,
)
from gateway.id_tokens import Flaw, InvalidIdToken, verified_claims
from gateway.settings import SIGN_IN_SETTINGS, InvalidSettings, Settings
from gateway.urls import LOOPBACK_HOSTS

SCOPE = "openid profile email"

DOCUMENT_LIFETIME_S = 3600.0
"""How long the discovery document and the keys are used without reading them again."""

REFRESH_PAUSE_S = 10.0
"""Between two readings of the keys because of a key that was not among them."""

SIGN_OUT_LIMIT_S = 2.0
"""How long signing out waits for a discovery document that was never read."""

CODE_ERRORS = {"invalid_grant"}
"""Errors of the token request that lie in the code; the rest lie in the set-up (RFC 6749, 5.2)."""


class CodeRefused(Exception):  # noqa: N818 - an answer
    """The provider doesn't accept the code (any more)."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The answer to a code."""

    id_token: str
    access_token: str | None


class Provider:
    """The configured provider. Nothing is fetched before it is needed; what is, is shared.

    Raises:
        InvalidSettings: Settings for sign-in are missing.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        missing = settings.missing(*SIGN_IN_SETTINGS)
        if not (settings.oidc_issuer and settings.oidc_client_id and settings.oidc_client_secret):
            raise InvalidSettings("\n".join(f"{name}: is needed to sign in" for name in missing))
        self.issuer = settings.oidc_issuer
        self.client_id = settings.oidc_client_id
        self.redirect_uri = f"{settings.public_url}/auth/callback"
        self._secret = settings.oidc_client_secret
        self._home = f"{settings.public_url}/"
        self._clock = clock  # which nobody sets back, as they do the time of day
        self._tls = httpx2.create_ssl_context()
        # A proxy named in the environment can't reach a provider on this very machine.
        self._proxied = urlsplit(self.issuer).hostname not in LOOPBACK_HOSTS
        self._metadata: Metadata | None = None
        self._metadata_until = float("-inf")
        self._keys: list[Key] = []
        self._keys_until = float("-inf")
        self._refreshed_at = float("-inf")
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def metadata(self) -> Metadata:
        """The discovery document, from memory or fresh.

        Raises:
            ProviderUnavailable: It can't be had, or isn't the configured issuer's.
        """
        if self._metadata is not None and self._clock() < self._metadata_until:
            return self._metadata
        fresh: Metadata = await self._once("metadata", self._read_metadata)
        return fresh

    async def check(self) -> None:
        """Read both documents, as a sign-in would need them.

        Raises:
            ProviderUnavailable: One can't be had, or doesn't make sense.
        """
        await self.metadata()
        await self._once("keys", self._read_keys)

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser: authorization code with PKCE S256 (RFC 7636).

        Raises:
            ProviderUnavailable: As for `metadata`.
        """
        metadata = await self.metadata()
        async with self._client(code_challenge_method="S256") as client:
            address, _ = client.create_authorization_url(
                metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(address)

    async def redeem(self, code: str, *, verifier: str) -> Tokens:
        """Exchange a code for tokens.

        Raises:
            CodeRefused: The provider doesn't accept it.
            ProviderUnavailable: No such answer.
        """
        metadata = await self.metadata()
        async with self._client() as client, calling("token endpoint"):
            try:
                answer = await client.fetch_token(
                    metadata.token_endpoint,
                    code=code,
                    code_verifier=verifier,
                    auth=None if metadata.takes_secret_in_body else self._basic_credentials(),
                )
            except OAuthError as error:
                if error.error in CODE_ERRORS:
                    raise CodeRefused from error
                message = f"token endpoint: {error.error}"
                raise ProviderUnavailable(message) from error
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            message = "token endpoint: no ID token"
            raise ProviderUnavailable(message)
        return Tokens(id_token, access_token if isinstance(access_token, str) else None)

    async def claims_of(self, id_token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
        """The verified claims of an ID token, if need be with keys read again.

        Raises:
            InvalidIdToken: It can't be believed.
            ProviderUnavailable: The keys can't be had.
        """
        metadata = await self.metadata()
        if self._clock() >= self._keys_until:
            await self._once("keys", self._read_keys)
        try:
            return self._verified(id_token, metadata, nonce=nonce, now=now)
        except InvalidIdToken as error:
            if error.flaw is not Flaw.UNKNOWN_KEY or not self._may_refresh():
                raise
        self._refreshed_at = self._clock()
        self._metadata = None  # the new keys may be at a new address
        await self._once("keys", self._read_keys)
        return self._verified(id_token, await self.metadata(), nonce=nonce, now=now)

    async def user_info(self, access_token: str | None, *, subject: str) -> dict[str, Any]:
        """The claims of the userinfo endpoint; none where the provider has no such endpoint.

        Raises:
            ProviderUnavailable: No answer, or one about somebody else
                (OpenID Connect Core section 5.3.2).
        """
        metadata = await self.metadata()
        if metadata.user_info_endpoint is None or access_token is None:
            return {}
        claims = await self._get(
            metadata.user_info_endpoint,
            "userinfo endpoint",
            headers={"Authorization": f"Bearer {access_token}"},
        )
        if claims.get("sub") != subject:
            message = "userinfo endpoint: another subject"
            raise ProviderUnavailable(message)
        return claims

    async def end_session_url(self, account: str | None) -> str | None:
        """Where to end the provider's own session of this account (RP-Initiated Logout 1.0).

        None if the provider has no such address or can't be asked: signing out here never waits
        long or fails for it.
        """
        metadata = self._metadata
        if metadata is None:
            try:
                async with asyncio.timeout(SIGN_OUT_LIMIT_S):
                    metadata = await self.metadata()
            except (ProviderUnavailable, TimeoutError):
                return None
        if metadata.end_session_endpoint is None:
            return None
        parameters = {"client_id": self.client_id, "post_logout_redirect_uri": self._home}
        if account:
            parameters["logout_hint"] = account
        joint = "&" if urlsplit(metadata.end_session_endpoint).query else "?"
        return f"{metadata.end_session_endpoint}{joint}{urlencode(parameters)}"

    def _verified(
        self, id_token: str, metadata: Metadata, *, nonce: str, now: datetime
    ) -> dict[str, Any]:
        return verified_claims(
            id_token,
            keys=self._keys,
            issuer=metadata.issuer,
            client_id=self.client_id,
            nonce=nonce,
            now=now,
        )

    def _may_refresh(self) -> bool:
        return self._clock() >= self._refreshed_at + REFRESH_PAUSE_S

    async def _read_metadata(self) -> Metadata:
        document = await self._get(discovery_address(self.issuer), "discovery document")
        self._metadata = metadata_from(document, self.issuer)
        self._metadata_until = self._clock() + DOCUMENT_LIFETIME_S
        return self._metadata

    async def _read_keys(self) -> None:
        metadata = await self.metadata()
        self._keys = keys_from(await self._get(metadata.keys_endpoint, "keys endpoint"))
        self._keys_until = self._clock() + DOCUMENT_LIFETIME_S

    async def _once(self, name: str, read: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Share one reading among all who wait for it, whoever of them goes away."""
        task = self._under_way.get(name)
        if task is None:
            task = asyncio.create_task(read())
            self._under_way[name] = task
            task.add_done_callback(lambda done: self._finish(name, done))
        return await asyncio.shield(task)

    def _finish(self, name: str, task: asyncio.Task[Any]) -> None:
        del self._under_way[name]
        if not task.cancelled():
            task.exception()  # else asyncio complains if all who waited have gone away

    async def _get(
        self, address: str, place: str, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        async with (
            calling(place),
            httpx2.AsyncClient(
                verify=self._tls, timeout=CALL_LIMIT_S, trust_env=self._proxied
            ) as client,
        ):
            answer = (await client.get(address, headers=headers)).raise_for_status().json()
        if not isinstance(answer, dict):
            message = f"{place}: not a JSON object"
            raise ProviderUnavailable(message)
        return answer

    def _client(self, **options: Any) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self.client_id,
            client_secret=self._secret.get_secret_value(),
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
            scope=SCOPE,
            redirect_uri=self.redirect_uri,
            verify=self._tls,
            timeout=CALL_LIMIT_S,
            trust_env=self._proxied,
            **options,
        )

    def _basic_credentials(self) -> httpx2.BasicAuth:
        """Form-encoded first (RFC 6749 section 2.3.1), which Authlib leaves out."""
        return httpx2.BasicAuth(
            quote_plus(self.client_id), quote_plus(self._secret.get_secret_value())
        )
