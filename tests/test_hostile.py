"""A short siege of the real gateway; `make hostile` lays the long one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.__main__ import SEED, besiege
from tests.hostile.settlement import ENGINES

REQUESTS = 1_500


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_that_is_sent_breaks_the_gateway_or_its_answers(
    engine: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    siege = besiege(engine, tmp_path, seed=SEED, number=REQUESTS)
    record_property("counts", f"{engine}: {siege.told()}".rstrip())

    assert (siege.faults, siege.good_failed) == ({}, [])
    assert len(siege.good) >= 5
    assert not siege.failed()
