"""The portal's page: where it is answered, and what may be stored of it."""

import re
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from gateway.portal_pages import PORTAL_PATHS, portal_routes

LOCATION = Path(__file__).parent.parent / "gateway" / "portal" / "src" / "location.ts"


def browser_at(page: Path) -> httpx2.AsyncClient:
    """A browser at an application that serves this page."""
    app = Starlette(routes=portal_routes(page))
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://gateway.example"
    )


@pytest.mark.parametrize("path", [path.replace("{token}", "abc-_123") for path in PORTAL_PATHS])
async def test_each_path_answers_the_one_page_and_none_may_be_stored(
    tmp_path: Path, path: str
) -> None:
    """Rule 41."""
    page = tmp_path / "index.html"
    page.write_text("<!doctype html><title>Portal</title>")
    async with browser_at(page) as browser:
        response = await browser.get(path)

    assert response.text == "<!doctype html><title>Portal</title>"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


async def test_a_new_build_shows_without_a_restart(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("old")
    async with browser_at(page) as browser:
        page.write_text("new")
        response = await browser.get("/users")

    assert response.text == "new"


async def test_without_a_build_there_are_no_paths(tmp_path: Path) -> None:
    assert portal_routes(tmp_path / "index.html") == []


def test_the_script_knows_the_same_paths() -> None:
    found = re.search(r"^const PORTAL_PATHS = /(.*)/$", LOCATION.read_text(), re.MULTILINE)
    assert found is not None
    pattern = re.compile(found[1].replace(r"\/", "/"))
    known = [path for path in PORTAL_PATHS if pattern.search(path)]

    assert known == list(PORTAL_PATHS)
    assert not pattern.search("/graphql")
    assert not pattern.search("/auth/sign-in")
