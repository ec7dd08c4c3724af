"""Objects, and the interfaces and unions that turn out to be objects."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from graphql import GraphQLAbstractType, GraphQLObjectType, GraphQLOutputType
from graphql.execution.executor import invalid_return_type_error

from gateway.execution.classes import ordinary
from gateway.execution.leaves import ScalarSlot
from gateway.execution.lists import ListSlot
from gateway.execution.places import Place
from gateway.execution.slots import Info, Known, Run, Slot

if TYPE_CHECKING:
    from gateway.execution.fields import Field
    from gateway.execution.selections import Selection

Select = Callable[[Run, Any, Place | None], Any]
"""Gives the data of one object, or an awaitable of it, from its source and its place."""


class ObjectSlot(Slot):
    """Takes an object; what is selected of it is compiled when the first one turns up."""

    __slots__ = ("bare", "certain", "is_type_of", "select", "selection", "unless")

    def __init__(self, type_: GraphQLOutputType, bare: GraphQLObjectType, field: "Field") -> None:
        super().__init__(type_, field)
        self.bare = bare
        self.is_type_of = bare.is_type_of
        self.certain: type | None
        self.certain, self.unless = field.compiler.dialect.class_of(bare) or (None, "")
        self.selection: Selection | None = None
        self.select: Select = self.compile_and_select

    def settle(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Go straight to the selection set, if there is nothing else to ask."""
        if type(value) not in ordinary or not (
            self.is_type_of is None
            or (type(value) is self.certain and not hasattr(value, self.unless))
        ):
            return super().settle(run, value, place, info)
        data = self.select(run, value, place)
        return data if type(data) is dict else self.guard(run, data, place)

    def fill(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Select from the object, once it is known to be of this type."""
        if self.is_type_of is not None:
            info = info or self.field.info(run, place)
            verdict = self.is_type_of(value, info)
            if verdict is not True:
                if run.is_awaitable(verdict):
                    return self.fill_later(run, verdict, value, place)
                self.require(verdict, value)
        return self.select(run, value, place)

    async def fill_later(self, run: Run, verdict: Awaitable[bool], value: Any, place: Place) -> Any:
        """Await the verdict on the type first."""
        self.require(await run.with_abort_signal(verdict), value)
        data = self.select(run, value, place)
        return await data if run.is_awaitable(data) else data

    def require(self, verdict: object, value: Any) -> None:
        """Insist on the type.

        Raises:
            GraphQLError: the object isn't of this type.
        """
        if not verdict:
            raise invalid_return_type_error(self.bare, value, self.field.details)

    def compile_and_select(self, run: Run, value: Any, place: Place | None) -> Any:
        """Compile the selection set, and select from the first object."""
        self.selection = self.field.selection(run, self.bare)
        self.select = self.selection.select
        return self.select(run, value, place)


class ConstantSlot(ObjectSlot):
    """Takes objects that never change, and remembers what was selected of each."""

    __slots__ = ()
    constant = True

    def __init__(self, type_: GraphQLOutputType, bare: GraphQLObjectType, field: "Field") -> None:
        super().__init__(type_, bare, field)
        self.known = Known()

    def settle(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Give the data that is known, or get to know it, if nothing of this run went into it."""
        known = self.known.get(id(value))
        if known is not None:
            return known[1]
        errors = len(run.collected_errors.errors)
        data = super().settle(run, value, place, info)
        if type(data) is dict and len(run.collected_errors.errors) == errors and is_pure(self):
            self.known.add(value, data)
        return data


def is_pure(slot: Slot) -> bool:
    """Tell whether only readers made the data of the objects that the slot has taken so far."""
    while isinstance(slot, ListSlot):
        slot = slot.item
    if isinstance(slot, ScalarSlot):
        return True
    if not isinstance(slot, ObjectSlot) or slot.selection is None or slot.selection.resolves:
        return False
    return all(is_pure(field.slot) for field in slot.selection.fields.values())


class AbstractSlot(Slot):
    """Takes an object of an interface or a union, whose type has to be found out first."""

    __slots__ = ("bare", "by_name")

    def __init__(self, type_: GraphQLOutputType, bare: GraphQLAbstractType, field: "Field") -> None:
        super().__init__(type_, field)
        self.bare = bare
        self.by_name: dict[str, ObjectSlot] = {}

    def fill(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Find out the type, and do as its slot does."""
        info = info or self.field.info(run, place)
        name = (self.bare.resolve_type or run.type_resolver)(value, info, self.bare)
        if type(name) is not str and run.is_awaitable(name):
            return self.fill_later(run, name, value, place, info)
        return self.slot(run, name, info, value).fill(run, value, place, info)

    async def fill_later(
        self, run: Run, name: Awaitable[Any], value: Any, place: Place, info: Info
    ) -> Any:
        """Await the name of the type first."""
        slot = self.slot(run, await run.with_abort_signal(name), info, value)
        data = slot.fill(run, value, place, info)
        return await data if run.is_awaitable(data) else data

    def slot(self, run: Run, name: Any, info: Info, value: Any) -> ObjectSlot:
        """Give the slot for the object type of this name.

        Raises:
            GraphQLError: there is no such type, or it isn't one of this type's.
        """
        slot = self.by_name.get(name) if type(name) is str else None
        if slot is None:
            bare = run.ensure_valid_runtime_type(name, self.bare, self.field.details, info, value)
            slot = self.by_name[name] = ObjectSlot(self.type, bare, self.field)
        return slot
