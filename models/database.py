"""What Tortoise is told about the tables."""

from typing import Any

MODULES = (
    "models.organizations",
    "models.services",
    "models.accounts",
    "models.users",
    "models.invitations",
    "models.audit",
    "models.answers",
    "models.documents",
    "models.imports",
    "models.webhooks",
)
"""Every module that holds tables."""


def tortoise_config(connection: str | dict[str, Any]) -> dict[str, Any]:
    """Tortoise's configuration for one connection, given as its URL or its parameters."""
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": list(MODULES),
                "default_connection": "default",
                "migrations": "models.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }
