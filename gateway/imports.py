"""Works on imports beside the requests, for as long as the process lives."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from gateway.couriers import wait_for_any
from gateway.database import DATABASE_TROUBLE
from gateway.settings import Settings
from models.imports import UserImport
from models.rows import new_id
from resolvers.import_work import claim_import, fail_import, work_on

log = structlog.get_logger(__name__)

POLL_S = 5.0
"""How soon an import is noticed that another process took in, or left behind."""

DEFECT = "Something went wrong here; the request's id helps us find out: "


async def import_forever(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    wake: asyncio.Event,
    poll_s: float = POLL_S,
) -> None:
    """Work on one import after the other until `stop`; the one in hand is given back.

    It looks each few seconds, and at once when `wake` is set. Any number of processes may do this.
    A database that is away is waited for.
    """
    del settings  # nothing about imports can be set
    while not stop.is_set():
        wake.clear()
        try:
            if await _work_on_next(now, stop):
                continue
        except DATABASE_TROUBLE as error:
            log.warning("imports_wait_for_database", problem=type(error).__name__)
        await wait_for_any(poll_s, stop, wake)


async def _work_on_next(now: Callable[[], datetime], stop: asyncio.Event) -> bool:
    """Whether there was one."""
    lease_id = new_id()
    import_ = await claim_import(lease_id=lease_id, now=now())
    if import_ is None:
        return False
    with structlog.contextvars.bound_contextvars(request_id=import_.request_id):
        try:
            await work_on(import_, lease_id=lease_id, now=now, stop=stop)
        except DATABASE_TROUBLE:
            raise
        except Exception:
            # Like a defect in a request: told with an id, logged whole, and the others go on.
            log.exception("import_failed", import_id=str(import_.id))
            await fail_import(import_.id, DEFECT + import_.request_id, now=now())
            return True
        await _report(import_)
    return True


async def _report(import_: UserImport) -> None:
    ended = await UserImport.filter(id=import_.id).values("status", "rows_created", "rows_refused")
    for row in ended:
        log.info("import_worked_on", import_id=str(import_.id), rows=import_.rows_total, **row)
