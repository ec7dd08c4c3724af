"""Parsed and validated documents, remembered, so that a repeated one costs neither again."""

import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoFragmentCyclesRule,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    specified_rules,
    validate,
)
from graphql.language.parser import Parser

from gateway.costs import Costs, Price, Priced
from gateway.limits import Limit, TooComplex, check_shape, has_cycles

MAX_ERRORS = 10
MAX_REMEMBERED_BYTES = 40_000_000
"""Of all documents together, by the estimate of `_size`."""

TOKEN_BYTES = 800
"""What a token's part of the tree takes, about."""

OF_PRIMARY = ("checkAccess", "invitationPreview")
"""What decides for others, and what belongs to organizations that are not the caller's."""

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
TOO_COMPLEX = "QUERY_TOO_COMPLEX"
BAD_REQUEST = "BAD_REQUEST"


@dataclass(frozen=True, slots=True)
class Document:
    """A document: parsed, valid and within the limits, or with what is wrong with it."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    code: str = VALIDATION_FAILED
    """What kind of errors they are."""
    tokens: int = 0
    priced: dict[str | None, Priced] = field(default_factory=dict)
    """By the operation's name."""
    previews: int = 0
    """How often it asks for `invitationPreview`, or may."""
    needs_primary: bool = False
    """Whether it may ask for what a replica must not answer."""
    status: int | None = None
    """The HTTP status, if it is not the one of any document with errors."""

    def operations(self) -> list[OperationDefinitionNode]:
        """Its operations, in their order."""
        definitions = self.node.definitions if self.node else ()
        return [each for each in definitions if isinstance(each, OperationDefinitionNode)]

    def operation(self, name: str | None) -> OperationDefinitionNode | str:
        """The operation to run, or why there is none (GraphQL specification, section 6.1)."""
        operations = self.operations()
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
        self._costs = Costs(schema)
        self._rules = [
            *specified_rules,
            *([] if introspection else [NoSchemaIntrospectionCustomRule]),
        ]
        self._remembered: OrderedDict[str, Document] = OrderedDict()
        self._remembered_bytes = 0

    def read(self, text: str) -> Document:
        """Parse and validate a document, or recall it."""
        document = self._remembered.get(text)
        if document is not None:
            self._remembered.move_to_end(text)
            return document
        if len(text) > Limit.CHARACTERS.maximum:
            return _refused(TooComplex(Limit.CHARACTERS, len(text)))
        document = self._work_out(text)
        self._remembered[text] = document
        self._remembered_bytes += _size(text, document)
        while self._remembered_bytes > MAX_REMEMBERED_BYTES:
            self._remembered_bytes -= _size(*self._remembered.popitem(last=False))
        return document

    def price(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
    ) -> Price:
        """What an operation of a document without errors costs with these variables."""
        if document.node is None or document.errors:
            raise AssertionError  # refused before
        name = operation.name.value if operation.name else None
        remembered = document.priced.get(name)
        if remembered is None:
            remembered = document.priced[name] = Priced()
        return self._costs.price(document.node, operation, variables or {}, remembered)

    def _work_out(self, text: str) -> Document:
        """Cheap checks first, each of which bounds what the next ones can cost."""
        parser = Parser(text, max_tokens=Limit.TOKENS.maximum)
        try:
            node = parser.parse_document()
        except GraphQLError as error:
            if parser.token_count > Limit.TOKENS.maximum:
                return _refused(TooComplex(Limit.TOKENS, parser.token_count))
            return _wrong([error], PARSE_FAILED, parser.token_count)
        except RecursionError:
            too_deep = GraphQLError("Syntax Error: the document is nested too deeply.")
            return _wrong([too_deep], PARSE_FAILED, parser.token_count)
        tokens = parser.token_count
        try:
            check_shape(node)
        except TooComplex as refusal:
            return _refused(refusal, tokens)
        errors = validate(
            self._schema,
            node,
            [NoFragmentCyclesRule] if has_cycles(node) else self._rules,
            max_errors=MAX_ERRORS,
            hide_suggestions=not self._introspection,
        )
        previews = text.count("invitationPreview")
        return Document(
            node,
            tuple(errors),
            tokens=tokens,
            previews=previews,
            needs_primary=any(name in text for name in OF_PRIMARY),
        )


def _size(text: str, document: Document) -> int:
    """About how many bytes it takes to remember a document.

    The text counts three times: as the key, and for what tokens and errors hold of it, such as
    comments, which are few tokens however long they are.
    """
    return 3 * sys.getsizeof(text) + TOKEN_BYTES * max(1, document.tokens)


def _wrong(errors: list[GraphQLError], code: str, tokens: int) -> Document:
    return Document(None, tuple(errors), code, tokens)


def _refused(refusal: TooComplex, tokens: int = 1) -> Document:
    return _wrong([refusal.told()], TOO_COMPLEX, tokens)


def calls(operation: OperationDefinitionNode, field: str) -> bool:
    """Whether the operation begins with this field, or might by a fragment."""
    return any(
        not isinstance(selection, FieldNode) or selection.name.value == field
        for selection in operation.selection_set.selections
    )


def only_signs_out(operation: OperationDefinitionNode) -> bool:
    """Whether the operation does nothing but end sessions."""
    return operation.operation is OperationType.MUTATION and all(
        isinstance(selection, FieldNode) and selection.name.value == "signOut"
        for selection in operation.selection_set.selections
    )
