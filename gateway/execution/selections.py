"""One generated function per selection set.

For `{ id name roles { … } }` of plain attributes the function reads, without the comments:

    def select(run, source, place):
        data = {}
        pending = []
        is_awaitable = run.is_awaitable
        try:
            try:
                value = source.name
                if not (value.__class__ is str):          # nearly always it is, and that was all
                    value = receive_1(run, value, place)
                    if value.__class__ not in SETTLED and is_awaitable(value):
                        pending.append('name')
            except Exception as error:
                value = refuse_1(run, error, place)       # raises if null may not be here
            data['name'] = value
            …
        except Exception:
            abandon(run, data, pending)
            raise
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

from gateway.execution.completion import Select
from gateway.execution.fields import Field, receiver
from gateway.execution.leaves import READY_NAMES, ready_test
from gateway.execution.places import Place, path_of
from gateway.execution.slots import SETTLED, Run, gather

LARGEST = 500
"""Fields of one selection set; beyond, compiling takes so long that graphql-core has it."""

FUNCTION = """\
def select(run, source, place):
    data = {{}}
    pending = []
    is_awaitable = run.is_awaitable
    try:
{statements}
    except Exception:
        abandon(run, data, pending)
        raise
    return gather(data, pending) if pending else data
"""

READ = """\
        try:
            value = {value}
            if not ({ready}):
                value = receive_{n}(run, value, place)
                if value.__class__ not in SETTLED and is_awaitable(value):
                    pending.append({key!r})
        except Exception as error:
            value = refuse_{n}(run, error, place)
        data[{key!r}] = value
"""

RESOLVE = """\
        data[{key!r}] = value = resolve_{n}(run, source, place)
        if value.__class__ not in SETTLED and is_awaitable(value):
            pending.append({key!r})
"""

DEFAULT = "source.get({name!r}) if isinstance(source, Mapping) else getattr(source, {name!r}, None)"

CONSTANT = """\
        data[{key!r}] = {value!r}
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
            "path_of": path_of,
            **READY_NAMES,
        }
        statements = [self.statement(n, field, names) for n, field in enumerate(fields.values())]
        source = FUNCTION.format(statements="".join(statements) or "        pass")
        exec(source, names)  # noqa: S102 - nothing of the document but names and keys gets into the source
        return cast("Select", names["select"])

    def statement(self, n: int, field: Field, names: dict[str, Any]) -> str:
        """Write the statement for the `n`th field, and add to `names` what it refers to."""
        definition = field.definition
        if self.plain and definition is TypeNameMetaFieldDef:
            return CONSTANT.format(key=field.key, value=field.parent_type.name)
        attribute = self.attribute_of(definition) if self.plain else None
        if attribute is not None:
            value, receive = attribute_expression(attribute), field.receive
        elif self.plain and definition.resolve is None and not definition.args:
            value, receive = DEFAULT.format(name=field.name), field.receive_default
        else:
            names[f"resolve_{n}"] = field.resolve
            return RESOLVE.format(key=field.key, n=n)
        names[f"receive_{n}"] = receiver(field, receive)
        names[f"refuse_{n}"] = field.refuse
        return READ.format(key=field.key, n=n, value=value, ready=ready_expression(field.type))


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


def abandon(run: Run, data: dict[str, Any], pending: list[str]) -> None:
    """See to it that what was begun ends, when the object it was for is given up."""
    if pending:
        run.settle_in_background([data[key] for key in pending])
