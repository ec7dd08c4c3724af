"""The files that our pages load: our own, and what `make` builds."""

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

from gateway.portal_pages import BUILT_PAGE

FOLDER = Path(__file__).parent
ASSET_FOLDERS = (FOLDER / "assets", FOLDER / "static")
"""Our own files, and what `make` builds."""


class Assets(StaticFiles):
    """Files of several folders under one path.

    Those of GraphiQL keep their names over releases; those of the portal carry a hash in theirs.
    """

    def __init__(self) -> None:
        super().__init__(directory=ASSET_FOLDERS[0])
        self.all_directories = list(ASSET_FOLDERS)

    def file_response(
        self,
        full_path: PathLike,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """A file, to be asked for anew after an hour, or never if its name has a hash."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = Path(full_path)
        is_hashed = path.parent == BUILT_PAGE.parent.resolve() and path.suffix != ".html"
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if is_hashed else "public, max-age=3600"
        )
        return response
