"""Global ids: opaque, unique over all types, and checked for their type."""

import base64
import binascii
from collections.abc import Iterable
from uuid import UUID

import strawberry

NOBODY = UUID(int=0)
"""Stands for every id that can't be one of ours, so that it is answered like an unknown one."""


@strawberry.interface(description="An object with a globally unique, opaque, type-checked id.")
class Node:
    """Whatever can be fetched again by its id."""

    id: strawberry.ID = strawberry.field(description="Unique over all types; its form may change.")


def encode_id(type_name: str, id_: UUID) -> strawberry.ID:
    """The global id of a row."""
    # Of letters, digits and a colon no `+` or `/` is made, so that this is URL-safe base64 too.
    packed = binascii.b2a_base64(f"{type_name}:{id_.hex}".encode(), newline=False)
    return strawberry.ID(packed.decode())


def split_id(id_: str) -> tuple[str, UUID]:
    """The type's name and the row's id; ("", NOBODY) for what is no id of ours."""
    try:
        name, _, digits = base64.urlsafe_b64decode(id_.encode()).decode().partition(":")
        return name, UUID(hex=digits)
    except (ValueError, binascii.Error):
        return "", NOBODY


def decode_id(type_name: str, id_: str) -> UUID:
    """The row's id, or NOBODY for an id of another type or of none."""
    name, row_id = split_id(id_)
    return row_id if name == type_name else NOBODY


def decode_ids(type_name: str, ids: Iterable[str]) -> list[UUID]:
    """The rows' ids, in order."""
    return [decode_id(type_name, id_) for id_ in ids]
