"""What the rules are tested with: the gateway in this process, people, a clock, real databases."""

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
