"""What can go wrong in a sign-in: the reason for the log, general words for the page."""

import re
from enum import StrEnum

UNAVAILABLE = 503

PROVIDER_TROUBLE = {"server_error", "temporarily_unavailable"}
"""Error answers that blame the provider itself (RFC 6749 section 4.1.2.1)."""

ERROR_CODE = re.compile(r"[a-z_]{1,64}")


class Reason(StrEnum):
    """Why an answer of the provider isn't believed, besides the flaws of an ID token."""

    REPEATED_PARAMETER = "a parameter of the answer is repeated"
    NO_CODE = "neither code nor error in the answer"
    NO_ISSUER = "the answer lacks its issuer"
    OTHER_ISSUER = "the answer is another issuer's"
    CODE_REFUSED = "the provider refused the code"


class SignInProblem(Exception):  # noqa: N818 - an answer
    """A sign-in that can't go on: the page that says so, and the reason for the log."""

    def __init__(self, reason: str, status: int, title: str, *paragraphs: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.title = title
        self.paragraphs = paragraphs
        self.wait_s: int | None = None


def leads_away() -> SignInProblem:
    """`return_to` is no path of this origin."""
    return SignInProblem(
        "return_to is no path of this origin",
        400,
        "This link can't be used to sign in",
        "It would lead away from here afterwards. You can sign in and find your way from the"
        " start page.",
    )


def unavailable(reason: object) -> SignInProblem:
    """The provider is down, or set up wrongly."""
    return SignInProblem(
        str(reason),
        UNAVAILABLE,
        "Sign-in isn't available now",
        "The service that checks who you are does not answer as it should. Whoever is already"
        " signed in can go on working.",
        "Try again in a few minutes.",
    )


def too_many(wait_s: int) -> SignInProblem:
    """More sign-ins from one address than are let through."""
    problem = SignInProblem(
        "too many sign-ins from this address",
        429,
        "Too many sign-ins",
        f"There were too many sign-ins from your network. Try again in {wait_s} seconds.",
    )
    problem.wait_s = wait_s
    return problem


def lost() -> SignInProblem:
    """The browser knows nothing of the sign-in that it comes back from."""
    return SignInProblem(
        "no such sign-in in this browser",
        400,
        "This sign-in can't be completed",
        "It was begun in another browser, took longer than ten minutes, or is already complete.",
    )


def unbelievable(reason: StrEnum) -> SignInProblem:
    """The answer fails a check, for a `Reason` or a `Flaw`."""
    return SignInProblem(
        reason.value,
        400,
        "The sign-in could not be verified",
        "The answer of the sign-in service did not pass our checks, so you are not signed in.",
        "If it happens again, tell whoever runs this service.",
    )


def not_confirmed() -> SignInProblem:
    """The provider doesn't vouch for the address, and the person is nobody's user yet."""
    return SignInProblem(
        "account claim not confirmed",
        403,
        "Your e-mail address is not confirmed",
        "The sign-in service did not confirm that the address of your account is yours, so it"
        " can't be matched with a user profile here.",
        "Confirm the address with your account's provider, or sign in with another account.",
    )


def provider_said(error: str) -> SignInProblem:
    """The provider answered with an error code; only a well-formed one reaches the log."""
    code = error if ERROR_CODE.fullmatch(error) else "something unreadable"
    reason = f"the provider said {code}"
    if code in PROVIDER_TROUBLE:
        return unavailable(reason)
    if code == "access_denied":
        return SignInProblem(
            reason,
            403,
            "You did not sign in",
            "The sign-in was cancelled, or your organization does not let you use this"
            " application.",
        )
    return SignInProblem(
        reason,
        400,
        "The sign-in did not work",
        "The sign-in service answered that it could not sign you in.",
    )
