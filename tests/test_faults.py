"""The short form of `make faults`: two kills of each, a few cut connections, a short soak."""

from pathlib import Path

from tests.faults.cuts import LANES, run_cuts
from tests.faults.rounds import run_rounds

SEED = 5


async def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    run = await run_rounds(tmp_path, rounds=3, seed=SEED, replicas=1, tell=told.append)

    assert run.ledger.broken == {}, told
    assert set(run.kills) == {"gateway 1", "worker", "database"}
    assert run.ledger.acknowledged > 0
    assert run.ledger.mails_delivered > 0


async def test_a_mutation_whose_answer_is_cut_off_has_one_effect_when_it_is_sent_again(
    tmp_path: Path,
) -> None:
    cuts = await run_cuts(tmp_path, mutations=3 * LANES, tell=print)

    assert cuts.wrong == {}
    assert (cuts.sent, cuts.cut, cuts.effects) == (3 * LANES,) * 3
