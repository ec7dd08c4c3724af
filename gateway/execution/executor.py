"""The hook into graphql-core: which operations run compiled, and what is handed back."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

from graphql import DocumentNode, GraphQLError, GraphQLObjectType, GraphQLSchema, OperationType
from graphql.execution import Executor, MiddlewareManager, default_field_resolver
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.execute import assume_not_awaitable
from graphql.execution.incremental import IncrementalExecutor
from graphql.pyutils import Path, is_awaitable

from gateway.execution.dialects import Dialect
from gateway.execution.plans import Dossier, Registry
from gateway.execution.selections import Compiler, Selection


class Compiling(Executor[Any], Dialect):
    """Mixed into an executor class of graphql-core, makes it run compiled what can be.

    Everything about the run itself - building it, variables, errors, aborting, the response,
    source streams - stays with the executor class. Only root selection sets are taken over, with
    all that is below. Of those, these are handed back: what is deferred or streamed, fragments
    with variables of their own, runs with an unknown `is_awaitable`, and each document's first.
    """

    patience: ClassVar[int] = 1
    """How often a document is left to graphql-core before it is compiled."""

    registry: ClassVar[Registry] = Registry()
    awaitable_predicates: ClassVar[frozenset[Callable[[Any], Any]]] = frozenset(
        {is_awaitable, assume_not_awaitable}
    )
    """Those known to hold no instance of a builtin class to be awaitable."""

    document: DocumentNode | None = None
    plan: Selection | None = None

    @classmethod
    def build(
        cls, schema: GraphQLSchema, document: DocumentNode, *args: Any, **kwargs: Any
    ) -> "list[GraphQLError] | Executor[Any]":
        """Build the executor of a request, as graphql-core does."""
        run = super().build(schema, document, *args, **kwargs)
        if not isinstance(run, list):
            cast("Compiling", run).document = document
        return run

    def execute_operation(self, serially: bool | None = None) -> Any:
        """Execute the operation: by its plan, if it has one, without collecting root fields.

        Whoever watches the run, or may abort it, has it begun by graphql-core.
        """
        is_query = self.operation.operation is OperationType.QUERY
        if is_query and serially is None and self.abort_signal is None and self.hooks is None:
            self.plan = self.known_plan()
            if self.plan is not None:
                return self.execute_plan(self.plan)
        return super().execute_operation(serially)

    def execute_plan(self, plan: Selection) -> Any:
        """Execute the root fields, and give the response or an awaitable of it."""
        try:
            data = plan.select(self, self.root_value, None)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return self.build_response(None)
        return self.respond(data) if self.is_awaitable(data) else self.build_response(data)

    async def respond(self, pending: Awaitable[dict[str, Any]]) -> Any:
        """Give the response once the root fields are there."""
        try:
            data = await pending
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return self.build_response(None)
        return self.build_response(data)

    def execute_root_grouped_field_set(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        position_context: Any,
    ) -> Any:
        """Execute the root fields: by a plan, if there is or should be one."""
        self.plan = self.find_plan(root_type, grouped_field_set)
        if self.plan is None or serially:
            return super().execute_root_grouped_field_set(
                root_type, root_value, grouped_field_set, serially, position_context
            )
        return self.plan.select(self, root_value, None)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """Execute one field for graphql-core, which runs a mutation's fields one by one."""
        if self.plan is not None and path.prev is None:
            field = self.plan.fields.get(cast("str", path.key))
            if field is not None:
                return field.resolve(self, source, None)
        return super().execute_field(
            parent_type, source, field_details_list, path, position_context
        )

    def known_plan(self) -> Selection | None:
        """Give the plan of this run, if it was compiled before."""
        dossier = self.find_dossier()
        if dossier is None or not dossier.plans:
            return None
        key = dossier.key(self, plain=self.is_plain())
        return dossier.plans.get(key) if key else None

    def find_plan(
        self, root_type: GraphQLObjectType, grouped_field_set: GroupedFieldSet
    ) -> Selection | None:
        """Find or compile the plan of this run; None if graphql-core is to execute it."""
        dossier = self.find_dossier()
        if dossier is None:
            return None
        if dossier.sightings < self.patience:
            dossier.sightings += 1
            return None
        plain = self.is_plain()
        key = dossier.key(self, plain=plain)
        if key is None:
            return None
        plan = dossier.plans.get(key)
        if plan is None and not dossier.is_full():
            compiler = Compiler(type(self), plain=plain)
            plan = compiler.selection(self, root_type, grouped_field_set)
            dossier.plans[key] = plan
        return plan

    def find_dossier(self) -> Dossier | None:
        """Give what is known of the document, if this run may be compiled."""
        if self.document is None or self.is_awaitable not in self.awaitable_predicates:
            return None
        return self.registry.dossier(self.document)

    def is_plain(self) -> bool:
        """Tell whether fields without a resolver are just read."""
        manager = self.middleware_manager
        bare = not manager or (type(manager) is MiddlewareManager and not manager.middlewares)
        return bare and self.field_resolver is default_field_resolver


class CompilingExecutor(Compiling, IncrementalExecutor):
    """The executor class to pass to graphql-core's `execute`, `subscribe` and the like."""
