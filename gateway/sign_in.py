"""Signing in: to the OpenID provider, and back with a session."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.addresses import counted_address
from gateway.auth import client_description, presented_token, set_session_cookie
from gateway.discovery import Metadata, ProviderUnavailable
from gateway.id_tokens import InvalidIdToken, is_guid, issued_by
from gateway.identities import identity_from
from gateway.oidc import CodeRefused, Provider
from gateway.pages import PRIVATE, Action, problem_page
from gateway.rates import Rates
from gateway.settings import Settings
from gateway.sign_in_problems import (
    UNAVAILABLE,
    Reason,
    SignInProblem,
    leads_away,
    lost,
    not_confirmed,
    provider_said,
    too_many,
    unavailable,
    unbelievable,
)
from gateway.sign_in_state import LostSignIn, SignInCookies, SignInState, begin, return_path
from resolvers.sessions import AccountNotConfirmed, Identity, caller_of_session, sign_in

SIGN_IN_PATH = "/auth/sign-in"
CALLBACK_PATH = "/auth/callback"

SEE_OTHER = 303

RETRY_AFTER_S = 30

log = structlog.get_logger("gateway.sign_in")


class SignIn:
    """The two routes of signing in."""

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        rates: Rates,
        *,
        now: Callable[[], datetime],
        request_id_of: Callable[[HTTPConnection], str],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._cookies = SignInCookies(settings)
        self._rates = rates
        self._now = now
        self._request_id_of = request_id_of

    def routes(self) -> list[Route]:
        """`/auth/sign-in` and `/auth/callback`."""
        return [
            Route(SIGN_IN_PATH, self._leave, methods=["GET"], name="sign-in"),
            Route(CALLBACK_PATH, self._come_back, methods=["GET"], name="sign-in-callback"),
        ]

    async def _leave(self, request: Request) -> Response:
        """To the provider; `return_to` is where the browser goes after signing in."""
        _refuse_head(request)
        try:
            return_to = return_path(request.query_params.get("return_to", "/"))
        except ValueError:
            return self._problem(request, leads_away(), return_to="/")
        wait_s = await self._rates.sign_in(counted_address(request))
        if wait_s is not None:
            return self._problem(request, too_many(wait_s), return_to=return_to)
        state = begin(return_to, now=self._now())
        try:
            address = await self._provider.authorization_url(
                state=state.state, nonce=state.nonce, verifier=state.verifier
            )
        except ProviderUnavailable as error:
            return self._problem(request, unavailable(error), return_to=return_to)
        response = RedirectResponse(address, status_code=SEE_OTHER, headers=PRIVATE)
        self._cookies.keep(state, request, response)
        return response

    async def _come_back(self, request: Request) -> Response:
        """From the provider: whatever it answers, this sign-in is over."""
        _refuse_head(request)
        wait_s = await self._rates.sign_in(counted_address(request))
        if wait_s is not None:
            return self._problem(request, too_many(wait_s), return_to="/")
        try:
            answer = _answer(request)
            held = self._cookies.find(answer.get("state", ""), request, now=self._now())
        except SignInProblem as problem:
            return await self._failed(request, problem, return_to="/")
        except LostSignIn:
            return await self._failed(request, lost(), return_to="/")
        response: Response
        try:
            token = await self._session_for(request, answer, held)
        except SignInProblem as problem:
            response = await self._failed(request, problem, return_to=held.return_to)
        else:
            response = RedirectResponse(
                f"{self._settings.public_url}{held.return_to}",
                status_code=SEE_OTHER,
                headers=PRIVATE,
            )
            set_session_cookie(response, token, self._settings)
        self._cookies.forget(held.state, response)
        return response

    async def _session_for(
        self, request: Request, answer: Mapping[str, str], held: SignInState
    ) -> str:
        """The token of a new session.

        Raises:
            SignInProblem: The answer isn't good enough for one.
        """
        try:
            self._check_answer(answer, await self._provider.metadata())
            token, session = await sign_in(
                await self._identity(answer["code"], held),
                client=client_description(request.headers.get("user-agent")),
                request_id=self._request_id_of(request),
                now=self._now(),
                lifetime=timedelta(hours=self._settings.session_hours),
                replacing=await self._session_presented(request),
            )
        except ProviderUnavailable as error:
            raise unavailable(error) from error
        except CodeRefused as error:
            raise unbelievable(Reason.CODE_REFUSED) from error
        except InvalidIdToken as error:
            raise unbelievable(error.flaw) from error
        except AccountNotConfirmed as error:
            raise not_confirmed() from error
        log.info(
            "signed in",
            account_id=str(session.account_id),
            session_id=str(session.id),
            request_id=self._request_id_of(request),
        )
        return token

    def _check_answer(self, answer: Mapping[str, str], metadata: Metadata) -> None:
        """A provider that names itself in its answers must be ours (RFC 9207 section 2.4)."""
        issuer = answer.get("iss")
        if issuer is None and metadata.names_itself:
            raise unbelievable(Reason.NO_ISSUER)
        if issuer not in {None, metadata.issuer}:
            # Which tenant answers, of many, is known from the ID token only and checked there.
            tenant = next((part for part in str(issuer).split("/") if is_guid(part)), None)
            if not issued_by(issuer, metadata.issuer, tenant):
                raise unbelievable(Reason.OTHER_ISSUER)
        if "error" in answer:
            raise provider_said(answer["error"])
        if not answer.get("code"):
            raise unbelievable(Reason.NO_CODE)

    async def _identity(self, code: str, held: SignInState) -> Identity:
        tokens = await self._provider.redeem(code, verifier=held.verifier)
        claims = await self._provider.claims_of(tokens.id_token, nonce=held.nonce, now=self._now())
        described = claims
        if not claims.get(self._settings.oidc_account_claim):
            described = await self._provider.user_info(tokens.access_token, subject=claims["sub"])
        return identity_from(claims, described, settings=self._settings)

    async def _session_presented(self, request: Request) -> UUID | None:
        token = presented_token(request, self._settings)
        if token is None:
            return None
        caller = await caller_of_session(
            token, request_id=self._request_id_of(request), now=self._now()
        )
        return caller.session_id if caller else None

    async def _failed(
        self, request: Request, problem: SignInProblem, *, return_to: str
    ) -> Response:
        """A sign-in that came back in vain; that counts unless it is the provider's trouble."""
        if problem.status != UNAVAILABLE:
            await self._rates.failed_sign_in(counted_address(request))
        return self._problem(request, problem, return_to=return_to)

    def _problem(self, request: Request, problem: SignInProblem, *, return_to: str) -> Response:
        request_id = self._request_id_of(request)
        log.warning("sign-in failed", reason=problem.reason, request_id=request_id)
        begin_again = f"{SIGN_IN_PATH}?{urlencode({'return_to': return_to})}"
        response = problem_page(
            problem.status,
            title=problem.title,
            paragraphs=problem.paragraphs,
            request_id=request_id,
            action=Action("Sign in again", begin_again),
        )
        if problem.status == UNAVAILABLE:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        if problem.wait_s is not None:
            response.headers["Retry-After"] = str(problem.wait_s)
        return response


def _answer(request: Request) -> dict[str, str]:
    """The parameters of the provider's answer, none of which may be repeated (RFC 6749, 3.1).

    Raises:
        SignInProblem: One is.
    """
    parameters = request.query_params.multi_items()
    answer = dict(parameters)
    if len(answer) < len(parameters):
        raise unbelievable(Reason.REPEATED_PARAMETER)
    return answer


def _refuse_head(request: Request) -> None:
    """Starlette adds HEAD to GET, but these pages use up one-time values."""
    if request.method != "GET":
        raise HTTPException(405, headers={"Allow": "GET"})
