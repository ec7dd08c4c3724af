"""What the rules are tested with: the gateway in this process, people, a clock, real databases."""

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
