"""`make audit-http`: the audits of npm's graphql-http against a gateway that really runs."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.database import connected, migrate

AUDIT = Path(__file__).parent / "audit-http" / "audit.mjs"
START_WITHIN_S = 90


@contextmanager
def running_gateway() -> Iterator[str]:
    """The address of a gateway in a process of its own, on an empty SQLite database."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        database = f"sqlite://{folder}/gateway.sqlite3"
        asyncio.run(_migrate(database))
        settings = {
            "GATEWAY_DATABASE_URL": database,
            "GATEWAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "GATEWAY_SECRET_KEY": "audit-audit-audit-audit-audit-audit",
            "GATEWAY_OIDC_ISSUER": "http://127.0.0.1:9",
            "GATEWAY_OIDC_CLIENT_ID": "nobody-signs-in",
            "GATEWAY_OIDC_CLIENT_SECRET": "nobody-signs-in",
        }
        command = [sys.executable, "-m", "gateway", "serve", "--no-mail", "--port", str(port)]
        with subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                _wait_until_live(f"http://127.0.0.1:{port}/healthz")
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


async def _migrate(url: str) -> None:
    async with connected(url):
        await migrate(url)


def _wait_until_live(url: str) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url):  # noqa: S310 - of this machine
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    message = f"{url} does not answer"
    raise TimeoutError(message)


def audited() -> subprocess.CompletedProcess[str]:
    """The audits, run with the Node.js of this environment."""
    node = Path(sys.executable).parent / "node"
    with running_gateway() as url:
        command = [str(node), str(AUDIT), f"{url}/graphql"]
        return subprocess.run(command, check=False, capture_output=True, text=True)


def main() -> int:
    """Run the audits, and print what passed."""
    done = audited()
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
