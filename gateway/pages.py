"""Readable pages: the landing page, and what people see when something is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from gateway.auth import clear_session_cookie, presented_token, visitor_for
from gateway.settings import Settings

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""Headers of every page and redirect here: they may name the visitor or hold a one-time value."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the reader may do next."""

    label: str
    href: str


HOME = Action("Go to the start page", "/")


def problem_page(
    status: int,
    *,
    title: str,
    paragraphs: tuple[str, ...],
    request_id: str,
    action: Action | None = HOME,
) -> HTMLResponse:
    """A page that says in plain words what is wrong, and what to do."""
    body = TEMPLATES.get_template("problem.html").render(
        title=title, paragraphs=paragraphs, request_id=request_id, action=action
    )
    return HTMLResponse(body, status_code=status, headers=PRIVATE)


def unexpected_page(request_id: str) -> HTMLResponse:
    """For a defect: nothing of it is shown, since the log has it under the request id."""
    return problem_page(
        500,
        title="Something went wrong",
        paragraphs=("This is our fault, not yours. Try again in a moment.",),
        request_id=request_id,
    )


def unavailable_page(request_id: str) -> HTMLResponse:
    """For a database that is away."""
    return problem_page(
        503,
        title="Not available at the moment",
        paragraphs=("Nothing is lost. Try again in a minute.",),
        request_id=request_id,
    )


def not_found_page(request_id: str) -> HTMLResponse:
    """For an address that leads nowhere."""
    return problem_page(
        404,
        title="There is no such page",
        paragraphs=("The address may be mistyped, or the page may have moved.",),
        request_id=request_id,
    )


def landing_route(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    request_id_of: Callable[[HTTPConnection], str],
) -> Route:
    """`GET /`: what this is, and the way in."""

    async def landing(request: Request) -> HTMLResponse:
        caller = await visitor_for(
            request, settings=settings, request_id=request_id_of(request), now=now()
        )
        body = TEMPLATES.get_template("landing.html").render(
            account=caller.account, graphiql=settings.graphiql
        )
        response = HTMLResponse(body, headers=PRIVATE)
        if caller.account is None and presented_token(request, settings):
            clear_session_cookie(response, settings)
        return response

    return Route("/", landing, name="landing")
