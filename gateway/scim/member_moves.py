"""The operations of a PATCH that move members in and out of a group.

They are told from the few forms that directories use, by the members' ids. The library's own way,
which tries each filter on each member, takes minutes for thousands of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import UUID

from scim2_models import (
    InvalidValueException,
    NoTargetException,
    PatchOp,
    PatchOperation,
)
from scim2_models.path import CompareOperator, Comparison

from gateway.scim.lengths import MEMBERS
from gateway.scim.models import TOLERANT, Group
from schema.nodes import decode_id

BY_VALUE_ALONE = 'Members are chosen by their ids alone, as in members[value eq "…"].'


class Kind(Enum):
    """What becomes of the users named."""

    ADDED = auto()
    REMOVED = auto()
    ALL_THERE_ARE = auto()


@dataclass(frozen=True, slots=True)
class Move:
    """One operation."""

    kind: Kind
    user_ids: Sequence[UUID]


def moves_in(patch: "PatchOp[Group]", group: Group) -> list[Move]:
    """The moves that the operations on a group without its members are, in their order.

    Raises:
        InvalidValueException: A member has no id.
        NoTargetException: Members are chosen otherwise than by their ids.
        SCIMException: Something else is to be changed, and can't be.
    """
    moves, others = [], []
    for operation in patch.operations or ():
        of_group = operation.path is None or operation.path.model is not None
        if of_group and isinstance(operation.value, dict):
            lists = {name: each for name, each in operation.value.items() if _is_members(name)}
            rest = {name: each for name, each in operation.value.items() if name not in lists}
            moves += [Move(_kind(operation), _ids(each)) for each in lists.values()]
            others.append(operation.model_copy(update={"value": rest}))
        elif operation.path is not None and _is_members("".join(operation.path.parts[:1])):
            moves.append(_move(operation))
        else:
            others.append(operation)
    if others:
        patch.model_copy(update={"operations": others}).patch(group, scim_policy=TOLERANT)
    return moves


def _is_members(name: str) -> bool:
    return name.lower().rpartition(":")[2] == MEMBERS


def _kind(operation: PatchOperation[Any]) -> Kind:
    return Kind.ADDED if operation.op is PatchOperation.Op.add else Kind.ALL_THERE_ARE


def _move(operation: PatchOperation[Any]) -> Move:
    path, value = operation.path, operation.value
    if path is None:
        raise AssertionError  # asked before
    if len(path.parts) > 1:
        raise NoTargetException(detail=BY_VALUE_ALONE)
    if operation.op is not PatchOperation.Op.remove:
        if path.value_filter is not None:
            raise NoTargetException(detail=BY_VALUE_ALONE)
        return Move(_kind(operation), _ids(value))
    if path.value_filter is None:
        return Move(Kind.ALL_THERE_ARE, []) if value is None else Move(Kind.REMOVED, _ids(value))
    chosen = path.value_filter
    if (
        not isinstance(chosen, Comparison)
        or chosen.op is not CompareOperator.eq
        or str(chosen.attr_path).lower() != "value"
    ):
        raise NoTargetException(detail=BY_VALUE_ALONE)
    return Move(Kind.REMOVED, [decode_id("User", str(chosen.value))])


def _ids(entries: Any) -> list[UUID]:
    if entries is None:
        return []
    found = []
    for entry in entries if isinstance(entries, list) else [entries]:
        named = {name.lower(): each for name, each in entry.items()} if _is_object(entry) else {}
        value = named.get("value")
        if not isinstance(value, str):
            raise InvalidValueException(detail="Each of the members must have a value, its id.")
        found.append(decode_id("User", value))
    return found


def _is_object(entry: object) -> bool:
    return isinstance(entry, dict)


def mentioned_in(moves: Iterable[Move]) -> set[UUID] | None:
    """The only users who can come in or go out; None if that may be any."""
    found: set[UUID] = set()
    for move in moves:
        if move.kind is Kind.ALL_THERE_ARE:
            return None
        found.update(move.user_ids)
    return found


def moved(before: Iterable[UUID], moves: Iterable[Move]) -> list[UUID]:
    """The members once all moves are made, in their order."""
    members = dict.fromkeys(before)
    for move in moves:
        if move.kind is Kind.REMOVED:
            for user_id in move.user_ids:
                members.pop(user_id, None)
        else:
            kept = members if move.kind is Kind.ADDED else {}
            members = {**kept, **dict.fromkeys(move.user_ids)}
    return list(members)
