"""`make faults`: kills under load and connections cut after the commit, with their counts."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.faults.cuts import run_cuts
from tests.faults.rounds import run_rounds

ROUNDS = 100
CUTS = 1000


def tell(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def everything(*, rounds: int, cuts: int, seed: int, replicas: int) -> bool:
    """Whether nothing was lost."""
    with tempfile.TemporaryDirectory(prefix="gateway-faults-") as folder:
        cut = await run_cuts(Path(folder), mutations=cuts, tell=tell)
    with tempfile.TemporaryDirectory(prefix="gateway-faults-") as folder:
        run = await run_rounds(Path(folder), rounds=rounds, seed=seed, replicas=replicas, tell=tell)
    broken = {**run.ledger.broken, **({} if cut.is_whole else {"after a cut": dict(cut.wrong)})}
    tell(f"BROKEN: {broken}" if broken else "Nothing is broken.")
    return not broken


def main() -> int:
    """Exit 1 if anything that was promised is broken."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"{ROUNDS} if left out")
    parser.add_argument("--cuts", type=int, default=CUTS, help=f"mutations; {CUTS} if left out")
    parser.add_argument("--replicas", type=int, default=2, help="gateways; 2 if left out")
    parser.add_argument("--seed", type=int, help="a random one if left out")
    given = parser.parse_args()
    logging.getLogger("asyncpg").addHandler(logging.NullHandler())  # it tells of each kill
    seed = given.seed if given.seed is not None else SystemRandom().getrandbits(32)
    is_whole = asyncio.run(
        everything(rounds=given.rounds, cuts=given.cuts, seed=seed, replicas=given.replicas)
    )
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
