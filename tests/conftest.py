"""What the rules are tested with: the gateway in this process, people, a clock, real databases."""

import pytest
from hypothesis import settings

from tests.engines import (
    database,
    empty_database,
    engine_server,
    migrated_database,
    migrated_file,
    migrated_template,
)
from tests.people import (
    alice,
    bob,
    carol,
    clock,
    contoso,
    gateway,
    mallory,
    oidc_settings,
    statements,
)

__all__ = [
    "alice",
    "bob",
    "carol",
    "clock",
    "contoso",
    "database",
    "empty_database",
    "engine_server",
    "gateway",
    "mallory",
    "migrated_database",
    "migrated_file",
    "migrated_template",
    "oidc_settings",
    "statements",
]

settings.register_profile("short", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=500, deadline=None, print_blob=True)
settings.load_profile("short")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have counted, above the summary."""
    counts = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == "counts"
    ]
    if counts:
        terminalreporter.section("counts")
        terminalreporter.write("\n".join([*counts, ""]))
