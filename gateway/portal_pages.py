"""The Customer Portal: one page for all of its paths, which its script tells apart."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

PORTAL_PATHS = ("/", "/users", "/checklist", "/me", "/audit", "/webhooks", "/invitations/{token}")
"""`PORTAL_PATHS` in `gateway/portal/src/location.ts` says the same."""

BUILT_PAGE = Path(__file__).parent / "static" / "portal" / "index.html"
"""What `make portal` built; the files that it names are beside it, under `/assets/portal/`."""


def portal_routes(page: Path = BUILT_PAGE) -> list[Route]:
    """The portal's paths; none while it has not been built.

    The page shows nobody's data: its script asks the graph. It is not to be stored all the same, so
    that going back after signing out can't bring back what it showed (rule 41).
    """
    if not page.is_file():
        return []

    def portal(request: Request) -> HTMLResponse:
        del request
        # Read anew each time, so that a build beside a running gateway shows at once.
        return HTMLResponse(page.read_bytes(), headers={"Cache-Control": "no-store"})

    return [Route(path, portal, methods=["GET"], name="portal") for path in PORTAL_PATHS]
