"""Makes mail workers to kill: a program that has imported all, and forks one for each request.

Each line of its input is a JSON object with the arguments of `work`; it answers
with the worker's process id. The workers die with it.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime

from gateway.database import connected
from gateway.mail.delivery import Pace
from gateway.mail.session import Patience
from gateway.mail.worker import deliver_forever
from gateway.settings import Settings


def quick_pace(*, lease_s: float = 300, patience_s: float = 5) -> Pace:
    """Delivery without long waits."""
    return Pace(
        batch=5,
        sessions=2,
        poll_s=0.02,
        lease_s=lease_s,
        recording_s=0.1,
        patience=Patience(patience_s, patience_s, patience_s, patience_s / 2),
        pause_before=lambda _attempt: 0.02,
    )


def mail_settings(smtp_url: str) -> Settings:
    """The settings that mail needs."""
    return Settings.model_validate(
        {
            "smtp_url": smtp_url,
            "mail_from": "Commerce Services <users@gateway.example>",
            "public_url": "https://users.gateway.example",
        }
    )


async def work(
    *, database_url: str, smtp_url: str, lease_s: float = 300, patience_s: float = 5
) -> None:
    """Deliver until killed."""
    async with connected(database_url):
        await deliver_forever(
            mail_settings(smtp_url),
            now=lambda: datetime.now(UTC),
            stop=asyncio.Event(),
            wake=asyncio.Event(),
            pace=quick_pace(lease_s=lease_s, patience_s=patience_s),
        )


def main() -> None:
    """Fork a worker for each line; end them all at the end of the input."""
    children = []
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # its log
            asyncio.run(work(**json.loads(line)))
            os._exit(0)
        children.append(child)  # left unreaped, so that its id stays its own
        print(child, flush=True)  # noqa: T201 - the answer
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
