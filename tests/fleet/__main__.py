"""`python -m tests.fleet`: the load test; exit status 1 if anything was lost."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.fleet.run import load_test


def main() -> None:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds between two restarts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gateway-fleet-") as folder:
        report = asyncio.run(
            load_test(Path(folder), clients=given.clients, pause_s=given.pause, tell=print)
        )
    print(*report.lines, sep="\n")
    print(*(f"BREACH: {breach}" for breach in report.breaches), sep="\n")
    sys.exit(bool(report.breaches))


if __name__ == "__main__":
    main()
