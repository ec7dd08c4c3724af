"""Whatever operation the schema allows, the running gateway answers it as the schema says."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.hostile.settlement import (
    ENGINES,
    Besieged,
    besieged_gateway,
    database_of,
    settle,
)
from tests.operations import Exploration

CALLERS = ("anonymous", "member", "outsider", "administrator")

SHARE = 10
"""Of the profile's examples for each field of the roots: there are more than twenty."""


@pytest.fixture(scope="module", params=ENGINES)
def besieged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Besieged]:
    """A gateway that serves, with two organizations, on either engine."""
    folder: Path = tmp_path_factory.mktemp("operations")
    with database_of(request.param, folder) as database_url:
        settlement = asyncio.run(settle(database_url))
        with besieged_gateway(database_url, settlement, folder) as found:
            yield found


@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_is_answered_as_the_schema_says(
    besieged: Besieged, caller: str, record_property: Callable[[str, object], None]
) -> None:
    exploration = Exploration(besieged, caller, settings().max_examples // SHARE)
    exploration.run()
    record_property("counts", exploration.told())

    assert exploration.codes["data"] > 0
    assert set(exploration.statuses) <= {"200", "400", "401"}
