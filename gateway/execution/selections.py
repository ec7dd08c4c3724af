"""One generated function per selection set.

For `{ name roles { … } }` of plain attributes the function reads, without the comments:

    def select(run, source, place):
        pending = ()
        try:
            try:
                value = source.name
                if not (type(value) is str):              # nearly always it is, and that was all
                    value = settle_0(run, value, (place, 'name', 'User'), None)
                    if type(value) not in SETTLED and run.is_awaitable(value):
                        pending += (('name', value),)
            except Exception as error:
                value = refuse_0(run, error, place)       # raises if null may not be here
            data_0 = value
            …
        except Exception:
            abandon(run, pending)
            raise
        data = {'name': data_0, 'roles': data_1}
        return gather(data, pending) if pending else data

Nothing of the document but response keys and field names gets into the source, as literals.
"""

from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any, NamedTuple, cast

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    TypeNameMetaFieldDef,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import GroupedFieldSet

from gateway.execution.classes import SETTLED
from gateway.execution.fields import Field
from gateway.execution.leaves import READY_NAMES, ready_test
from gateway.execution.objects import Select
from gateway.execution.places import Place, path_of
from gateway.execution.slots import Run, abandon, gather

LARGEST = 500
"""Fields of one selection set; beyond, compiling takes so long that graphql-core has it."""

FUNCTION = """\
def select(run, source, place):
    pending = ()
    try:
{statements}
    except Exception:
        abandon(run, pending)
        raise
    data = {{{items}}}
    return gather(data, pending) if pending else data
"""

READ = """\
        try:
            value = {value}
            if not ({ready}):
                value = settle_{n}(run, value, (place, {key!r}, {typename!r}), None)
                if type(value) not in SETTLED and run.is_awaitable(value):
                    pending += (({key!r}, value),)
        except Exception as error:
            value = refuse_{n}(run, error, place)
        data_{n} = value
"""

DEFAULT = "source.get({name!r}) if isinstance(source, Mapping) else getattr(source, {name!r}, None)"

RESOLVE = """\
        data_{n} = value = resolve_{n}(run, source, place)
        if type(value) not in SETTLED and run.is_awaitable(value):
            pending += (({key!r}, value),)
"""

CONSTANT = """\
        data_{n} = {value!r}
"""


class Selection(NamedTuple):
    """What is selected of one object type in one place of the document."""

    fields: dict[str, Field]
    """By response key."""
    select: Select


class Compiler(NamedTuple):
    """Compiles the selection sets of one plan."""

    attribute_of: Callable[[GraphQLField], str | None]
    """The attribute that a field reads, if reading it is all that its resolver does."""
    plain: bool
    """Neither middleware nor a field resolver of the caller's own stands before the fields."""

    def selection(self, run: Run, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> Selection:
        """Compile the fields collected for an object type."""
        if len(grouped) > LARGEST:
            return Selection({}, interpreted(type_, grouped))
        fields = {
            key: Field(key, definition, type_, details, self)
            for key, details in grouped.items()
            if (definition := run.schema.get_field(type_, details[0].node.name.value))
        }
        return Selection(fields, self.generated(fields))

    def generated(self, fields: dict[str, Field]) -> Select:
        """Generate the function that gives an object's data."""
        names: dict[str, Any] = {
            "Mapping": Mapping,
            "SETTLED": SETTLED,
            "abandon": abandon,
            "gather": gather,
            **READY_NAMES,
        }
        source = FUNCTION.format(
            statements="".join(
                self.statement(n, field, names) for n, field in enumerate(fields.values())
            )
            or "        pass",
            items=", ".join(f"{key!r}: data_{n}" for n, key in enumerate(fields)),
        )
        exec(source, names)  # noqa: S102 - nothing of the document but names and keys gets into it
        return cast("Select", names["select"])

    def statement(self, n: int, field: Field, names: dict[str, Any]) -> str:
        """Write the statement for the `n`th field, and add to `names` what it refers to."""
        definition = field.definition
        if self.plain and definition is TypeNameMetaFieldDef:
            return CONSTANT.format(n=n, value=field.parent_type.name)
        attribute = self.attribute_of(definition) if self.plain else None
        if attribute is not None:
            value, settle = attribute_expression(attribute), field.slot.settle
        elif self.plain and definition.resolve is None and not definition.args:
            value, settle = DEFAULT.format(name=field.name), field.settle_default
        else:
            names[f"resolve_{n}"] = field.resolve
            return RESOLVE.format(n=n, key=field.key)
        names[f"settle_{n}"] = settle
        names[f"refuse_{n}"] = field.refuse
        return READ.format(
            n=n,
            key=field.key,
            typename=field.parent_type.name,
            value=value,
            ready=ready_expression(field.slot.type),
        )


def attribute_expression(name: str) -> str:
    """Write what reads an attribute of the source."""
    if name.isidentifier() and not iskeyword(name):
        return f"source.{name}"
    return f"getattr(source, {name!r})"


def ready_expression(type_: GraphQLOutputType) -> str:
    """Write what tells that `value` is response data of this type as it is."""
    nullable = get_nullable_type(type_)
    test = ready_test(nullable) if is_leaf_type(nullable) else None
    allowed = [] if is_non_null_type(type_) else ["value is None"]
    return " or ".join([*([test] if test else []), *allowed]) or "False"


def interpreted(type_: GraphQLObjectType, grouped: GroupedFieldSet) -> Select:
    """Leave the selection set, with all that is below, to graphql-core."""

    def select(run: Run, source: Any, place: Place | None) -> Any:
        return run.execute_fields(type_, source, path_of(place), grouped, None)

    return select
