"""Where the graph says that files can be had."""

import strawberry

EXPORT_PATH = "/organizations/{id}/users.csv"
"""Where the users of an organization are downloaded; the id is the global one."""


def export_path(organization_id: strawberry.ID) -> str:
    """The path for one organization."""
    return EXPORT_PATH.replace("{id}", organization_id)
