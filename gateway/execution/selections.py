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

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any, NamedTuple, cast

from graphql import (
    GraphQLField,
    GraphQLFieldResolver,
    GraphQLObjectType,
    GraphQLOutputType,
    TypeNameMetaFieldDef,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import GroupedFieldSet

from gateway.execution.classes import SETTLED
from gateway.execution.dialects import Dialect
from gateway.execution.fields import Field
from gateway.execution.leaves import READY_NAMES, ready_test
from gateway.execution.objects import Select
from gateway.execution.places import Place, path_of
from gateway.execution.slots import Run, abandon, gather

BUDGET = 1000
"""Fields compiled for one plan, at under 0.1 ms each; what is beyond is left to graphql-core."""

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

DEFAULT = (
    "source.get({name!r}) if type(source) is dict or isinstance(source, Mapping)"
    " else getattr(source, {name!r}, None)"
)

RESOLVE = """\
        data_{n} = value = resolve_{n}(run, source, place)
        if type(value) not in SETTLED and run.is_awaitable(value):
            pending += (({key!r}, value),)
"""

PATH = """\
        place = path_of(place)
"""

CONSTANT = """\
        data_{n} = {value!r}
"""


NAMES = {
    "Mapping": Mapping,
    "SETTLED": SETTLED,
    "abandon": abandon,
    "gather": gather,
    "path_of": path_of,
    **READY_NAMES,
}


class Selection(NamedTuple):
    """What is selected of one object type in one place of the document."""

    fields: dict[str, Field]
    """By response key."""
    select: Select
    resolves: bool
    """Whether resolvers are called, which want a `Path`."""


class Compiler:
    """Compiles the selection sets of one plan.

    It is plain if neither middleware nor a field resolver of the caller's own stands before the
    fields.
    """

    def __init__(self, dialect: Dialect, *, plain: bool) -> None:
        self.dialect = dialect
        self.plain = plain
        self.budget = BUDGET

    def resolver_of(self, field: GraphQLField) -> GraphQLFieldResolver | None:
        """Give the resolver to call, if the field has one; middleware gets to see its own."""
        return (self.plain and self.dialect.resolver_of(field)) or field.resolve

    def selection(self, run: Run, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> Selection:
        """Compile the fields collected for an object type."""
        if len(grouped) > self.budget:
            return Selection({}, left_to_core(type_, grouped), resolves=True)
        self.budget -= len(grouped)
        source = Source(self)
        fields: dict[str, Field] = {}
        for key, details in grouped.items():
            definition = run.schema.get_field(type_, details[0].node.name.value)
            if definition is not None:
                fields[key] = Field(key, definition, type_, details, self)
                source.add(fields[key])
        return Selection(fields, source.compile(), source.resolves)


class Source:
    """The source of one function in the making, and the names that it refers to."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.names: dict[str, Any] = {**NAMES}
        self.statements: list[str] = []
        self.items: list[str] = []
        self.resolves = False

    def add(self, field: Field) -> None:
        """Add what it takes to get the data of one more field."""
        n = len(self.items)
        self.items.append(f"{field.key!r}: data_{n}")
        if field.definition is TypeNameMetaFieldDef and self.compiler.plain:
            self.statements.append(CONSTANT.format(n=n, value=field.parent_type.name))
            return
        value = self.read(n, field) if self.compiler.plain else None
        if value is None:
            self.resolves = True
            self.names[f"resolve_{n}"] = field.resolve
            self.statements.append(RESOLVE.format(n=n, key=field.key))
            return
        self.names[f"refuse_{n}"] = field.refuse
        ready = ready_expression(field.slot.type)
        typename = field.parent_type.name
        self.statements.append(
            READ.format(n=n, key=field.key, typename=typename, value=value, ready=ready)
        )

    def read(self, n: int, field: Field) -> str | None:
        """Write the expression that reads a field from its source; None if it takes a resolver."""
        definition = field.definition
        self.names[f"settle_{n}"] = field.slot.settle
        reader = self.compiler.dialect.reader_of(definition, field.details[0].node)
        if isinstance(reader, str):
            plain = reader.isidentifier() and not iskeyword(reader)
            return f"source.{reader}" if plain else f"getattr(source, {reader!r})"
        if reader is not None:
            self.names[f"read_{n}"] = reader
            return f"read_{n}(source)"
        if definition.resolve is None and not definition.args:
            self.names[f"settle_{n}"] = field.settle_default
            return DEFAULT.format(name=field.name)
        return None

    def compile(self) -> Select:
        """Compile the function."""
        statements = [*([PATH] if self.resolves else []), *self.statements]
        source = FUNCTION.format(
            statements="".join(statements) or "        pass", items=", ".join(self.items)
        )
        exec(source, self.names)  # noqa: S102 - nothing of the document but names gets into it
        return cast("Select", self.names["select"])


def ready_expression(type_: GraphQLOutputType) -> str:
    """Write what tells that `value` is response data of this type as it is."""
    nullable = get_nullable_type(type_)
    test = ready_test(nullable) if is_leaf_type(nullable) else None
    allowed = [] if is_non_null_type(type_) else ["value is None"]
    return " or ".join([*([test] if test else []), *allowed]) or "False"


def left_to_core(type_: GraphQLObjectType, grouped: GroupedFieldSet) -> Select:
    """Have the selection set, with all that is below, executed by graphql-core."""

    def select(run: Run, source: Any, place: Place | None) -> Any:
        return run.execute_fields(type_, source, path_of(place), grouped, None)

    return select
