"""What every table has: a time-ordered key."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model
from uuid_utils import compat


def new_id() -> UUID:
    """A fresh key that sorts by the time of its making (UUID version 7, RFC 9562 section 5.7)."""
    return compat.uuid7()


class Row(Model):
    """A row with a time-ordered UUID as its key."""

    id = fields.UUIDField(primary_key=True, default=new_id)

    class Meta:
        """Not a table of its own."""

        abstract = True
