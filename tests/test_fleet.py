"""The load test in short; `make fleet` is the long form."""

from pathlib import Path

from tests.fleet.run import load_test


async def test_nothing_is_lost_while_each_part_is_restarted(tmp_path: Path) -> None:
    report = await load_test(tmp_path, clients=12, pause_s=1.5, tell=print)

    assert report.breaches == [], "\n".join(report.lines)
