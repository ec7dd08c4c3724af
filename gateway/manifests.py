"""Manifests of documents, as clients' tools write them at build time, read and checked whole."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode

from gateway.documents import Document, Documents
from gateway.limits import TooComplex
from models.documents import MAX_DOCUMENT_ID_LENGTH
from resolvers.trusted_documents import DeclaredDocument, text_hash
from schema.graph import build

APOLLO_FORMAT = "apollo-persisted-query-manifest"
APOLLO_VERSION = 1

SHA256_PREFIX = "sha256:"
DOCUMENT_ID = re.compile(r"[!-~]+")
"""Printable ASCII, since ids travel in query strings and logs; wider than appendix A of GraphQL
over HTTP, which leaves out the signs of base64."""

PORTAL_MANIFEST = Path(__file__).parent / "static" / "portal" / "documents.json"
"""What `make portal` wrote: the Customer Portal's documents, by their hashes."""


class InvalidManifest(Exception):  # noqa: N818 - sentences for the operator
    """The file can't be applied; each line of the text names a document and says why."""


def read_manifest(file: Path) -> list[DeclaredDocument]:
    """The documents of a file that Relay, Apollo or GraphQL Code Generator wrote.

    Relay and GraphQL Code Generator write `{"id": "text"}`, Apollo an object with its format's
    name, version and operations.

    Raises:
        InvalidManifest: It can't be read, or is no manifest.
    """
    try:
        content = json.loads(file.read_bytes(), object_pairs_hook=_without_doubles)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        message = f"{file} can't be read: {error}"
        raise InvalidManifest(message) from None
    except json.JSONDecodeError as error:
        message = f"{file} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise InvalidManifest(message) from None
    except _Double as double:
        message = f"{file}: {double} is there more than once"
        raise InvalidManifest(message) from None
    declared, problems = _documents_in(content)
    problems += [problem for each in declared for problem in _problems_with_id(each)]
    if problems:
        raise InvalidManifest("\n".join(f"{file}: {problem}" for problem in problems))
    return declared


class _Double(Exception):  # noqa: N818 - it only leaves the parser
    """A key that an object has twice."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Double(key)
        found[key] = value
    return found


def _documents_in(content: object) -> tuple[list[DeclaredDocument], list[str]]:
    if not isinstance(content, dict):
        return [], ['must be an object: {"id": "text"}, or a manifest of Apollo']
    if "format" in content and not isinstance(content.get("operations"), str):
        return _apollo(content)
    problems = [
        f"document {id_}: must be text"
        for id_, text in content.items()
        if not isinstance(text, str)
    ]
    if not content:
        problems.append("has no documents")
    return [
        DeclaredDocument(id_, text) for id_, text in content.items() if isinstance(text, str)
    ], problems


def _apollo(content: Mapping[str, Any]) -> tuple[list[DeclaredDocument], list[str]]:
    if content["format"] != APOLLO_FORMAT:
        return [], [f"format is {content['format']!r}, known is {APOLLO_FORMAT!r}"]
    if content.get("version") != APOLLO_VERSION:
        return [], [f"version is {content.get('version')!r}, known is {APOLLO_VERSION}"]
    operations = content.get("operations")
    if not isinstance(operations, list) or not operations:
        return [], ["operations must be a list of one or more"]
    declared: dict[str, DeclaredDocument] = {}
    problems = []
    for number, operation in enumerate(operations, 1):
        id_ = operation.get("id") if isinstance(operation, dict) else None
        body = operation.get("body") if isinstance(operation, dict) else None
        if not isinstance(id_, str) or not isinstance(body, str):
            problems.append(f"operation no. {number}: id and body must be text")
        elif id_ in declared:
            problems.append(f"operation no. {number}: {id_} is there more than once")
        else:
            declared[id_] = DeclaredDocument(id_, body)
    return list(declared.values()), problems


def _problems_with_id(document: DeclaredDocument) -> list[str]:
    id_ = document.id
    named = f"document {id_[:80]!r}"
    if not DOCUMENT_ID.fullmatch(id_) or len(id_) > MAX_DOCUMENT_ID_LENGTH:
        limit = MAX_DOCUMENT_ID_LENGTH
        return [f"{named}: an id has 1 to {limit} letters, digits and signs of ASCII, no space"]
    prefix, colon, _ = id_.partition(":")
    if id_.startswith(SHA256_PREFIX):
        if id_ != SHA256_PREFIX + text_hash(document.text):
            return [f"{named}: the hash is not that of its text"]
    elif colon and not prefix.startswith("x-"):
        return [f"{named}: ids with a colon begin with sha256: or x-"]
    return []


class ManifestCheck:
    """Checks documents against the schema and the limits, before anyone relies on them."""

    def __init__(self, *, introspection: bool) -> None:
        self._documents = Documents(
            build()._schema,  # noqa: SLF001 - Strawberry's only way to graphql-core
            introspection=introspection,
        )

    def problems(self, declared: Sequence[DeclaredDocument]) -> list[str]:
        """A sentence for each problem, which names the document and the place in it.

        What an operation costs is worked out without variables: where those decide a page's size,
        it is the size that the schema assumes.
        """
        return [
            f"document {each.id}: {problem}"
            for each in declared
            for problem in self._problems_of(each.text)
        ]

    def _problems_of(self, text: str) -> list[str]:
        document = self._documents.read(text)
        if document.errors:
            return [_in_words(error) for error in document.errors]
        operations = document.operations()
        if not operations:
            return ["has no operation"]
        return [
            problem
            for operation in operations
            if (problem := self._excess(document, operation)) is not None
        ]

    def _excess(self, document: Document, operation: OperationDefinitionNode) -> str | None:
        try:
            self._documents.price(document, operation, None).check()
        except TooComplex as excess:
            name = operation.name.value if operation.name else operation.operation.value
            return f"{name}: {_in_words(excess.told())}"
        return None


def _in_words(error: GraphQLError) -> str:
    place = error.locations[0] if error.locations else None
    where = f" at line {place.line}, column {place.column}" if place else ""
    return f"{error.message}{where}"


@cache
def graphiql_documents() -> Mapping[str, str]:
    """What GraphiQL's page itself asks, by the name of its file: who is there, and signing out."""
    folder = resources.files("gateway.graphiql") / "own"
    return {
        file.name.removesuffix(".graphql"): file.read_text("utf-8")
        for file in sorted(folder.iterdir(), key=lambda each: each.name)
    }


def shipped_documents(portal: Path = PORTAL_MANIFEST) -> list[DeclaredDocument]:
    """What our own pages ask: always trusted. None of the portal's while it has not been built.

    Raises:
        InvalidManifest: The portal's manifest is broken.
    """
    of_portal = read_manifest(portal) if portal.is_file() else []
    texts = [*(each.text for each in of_portal), *graphiql_documents().values()]
    return [DeclaredDocument(SHA256_PREFIX + text_hash(text), text) for text in texts]
