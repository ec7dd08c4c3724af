"""`make hostile`: 50,000 hostile requests to a gateway that really serves, on each database."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import structlog

from tests.hostile.settlement import ENGINES, besieged_gateway, database_of, settle
from tests.hostile.siege import Siege, lay

SEED = 20261124


def besiege(engine: str, folder: Path, *, seed: int, number: int) -> Siege:
    """Settle a new database of this engine, serve it, and attack."""
    with database_of(engine, folder) as database_url:
        settlement = asyncio.run(settle(database_url))
        with besieged_gateway(database_url, settlement, folder) as besieged:
            return asyncio.run(lay(besieged, seed=seed, number=number))


def main() -> int:
    """Attack as told, and tell what became of it."""
    parser = argparse.ArgumentParser(prog="make hostile")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--engine", choices=ENGINES, action="append")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    failed = False
    for engine in arguments.engine or ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            siege = besiege(engine, Path(folder), seed=arguments.seed, number=arguments.requests)
        sys.stdout.write(f"{engine}: {siege.told()}")
        sys.stdout.flush()
        failed = failed or siege.failed()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
