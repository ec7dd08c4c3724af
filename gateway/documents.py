"""Parsed and validated documents, remembered, so that a repeated one costs neither again."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)

MAX_TOKENS = 2_000
"""GraphiQL's introspection, the largest document in daily use, has under 400."""

MAX_ERRORS = 10
MAX_REMEMBERED = 1_000
MAX_REMEMBERED_LENGTH = 16_384
"""Longer documents are worked out each time, so that memory is bounded."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document: parsed and valid, or with what is wrong with it."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    parses: bool = True

    def operation(self, name: str | None) -> OperationDefinitionNode | str:
        """The operation to run, or why there is none (GraphQL specification, section 6.1)."""
        definitions = self.node.definitions if self.node else ()
        operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
        if name is not None:
            named = [each for each in operations if each.name and each.name.value == name]
            return named[0] if named else "The document has no operation with this operationName."
        if len(operations) > 1:
            return "The document has several operations: say which one by operationName."
        return operations[0] if operations else "The document has no operation."


class Documents:
    """The documents of one schema."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._introspection = introspection
        self._rules = [
            *specified_rules,
            *([] if introspection else [NoSchemaIntrospectionCustomRule]),
        ]
        self._remembered: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """Parse and validate a document, or recall it."""
        document = self._remembered.get(text)
        if document is not None:
            self._remembered.move_to_end(text)
            return document
        document = self._work_out(text)
        if len(text) <= MAX_REMEMBERED_LENGTH:
            self._remembered[text] = document
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return document

    def _work_out(self, text: str) -> Document:
        try:
            node = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            return Document(None, (error,), parses=False)
        except RecursionError:
            too_deep = GraphQLError("Syntax Error: the document is nested too deeply.")
            return Document(None, (too_deep,), parses=False)
        errors = validate(
            self._schema,
            node,
            self._rules,
            max_errors=MAX_ERRORS,
            hide_suggestions=not self._introspection,
        )
        return Document(node, tuple(errors))


def only_signs_out(operation: OperationDefinitionNode) -> bool:
    """Whether the operation does nothing but end sessions."""
    return operation.operation is OperationType.MUTATION and all(
        isinstance(selection, FieldNode) and selection.name.value == "signOut"
        for selection in operation.selection_set.selections
    )
