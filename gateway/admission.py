"""Which operations are executed: what is valid, within the limits, and not too much lately."""

from enum import Enum
from http import HTTPStatus
from typing import NamedTuple

from graphql import OperationDefinitionNode, OperationType
from starlette.requests import HTTPConnection

from gateway.addresses import counted_address
from gateway.answers import EVENT_STREAM
from gateway.auth import comes_from_our_own_page
from gateway.costs import Price
from gateway.documents import BAD_REQUEST, TOO_COMPLEX, Document, Documents
from gateway.graphql_errors import Refusal, refusal_for, slow_down
from gateway.graphql_requests import GraphQLRequest
from gateway.limits import TooComplex
from gateway.rates import Rates
from gateway.settings import Settings
from resolvers.caller import Caller
from resolvers.memberships import memberships_of

REFUSAL_COST = 100
"""What counts for the rates where nothing is executed: an invalid document, or credential."""


class Way(Enum):
    """How an operation is sent, and how it is answered."""

    POST = "POST"
    GET = "GET"
    STREAM = "a stream"
    """Answered by events, over a WebSocket or as server-sent ones."""


class Admitted(NamedTuple):
    """An operation that may be executed."""

    price: Price
    changes_something: bool


class Admission:
    """Lets operations in."""

    def __init__(self, documents: Documents, rates: Rates) -> None:
        self._documents = documents
        self._rates = rates

    async def admit(
        self,
        document: Document,
        operation: OperationDefinitionNode | str,
        asked: GraphQLRequest,
        connection: HTTPConnection,
        caller: Caller,
        *,
        way: Way,
    ) -> Admitted | Refusal:
        """Let the operation in, or say why not: what it is, what it costs, how many came lately."""
        admitted = self._admitted(document, operation, asked, way)
        previews = document.previews
        wait_s = None
        if previews:
            wait_s = await self._rates.previews(counted_address(connection), previews)
        if wait_s is None:
            cost = REFUSAL_COST if isinstance(admitted, Refusal) else admitted.price.cost
            wait_s = await self._rates.operation_by(caller, connection, cost=cost)
        return admitted if wait_s is None else slow_down(wait_s)

    async def admit_refusal(self, connection: HTTPConnection) -> Refusal | None:
        """Why a credential that is not valid gets no answer: its address has tried too many."""
        wait_s = await self._rates.operation_by(None, connection, cost=REFUSAL_COST)
        return None if wait_s is None else slow_down(wait_s)

    def _admitted(
        self,
        document: Document,
        operation: OperationDefinitionNode | str,
        asked: GraphQLRequest,
        way: Way,
    ) -> Admitted | Refusal:
        """Whether the operation may be executed; what it will cost, or why not."""
        if document.errors:
            return Refusal(document.errors, document.code, document.status)
        if isinstance(operation, str):
            return refusal_for(operation, BAD_REQUEST)
        kind = operation.operation
        misplaced = _misplaced(kind, way)
        if misplaced is not None:
            return misplaced
        price = self._documents.price(document, operation, asked.variables)
        try:
            price.check()
            if way is Way.STREAM:
                price.check_event()
        except TooComplex as excess:
            return Refusal([excess.told()], TOO_COMPLEX)
        return Admitted(price, changes_something=kind is OperationType.MUTATION)


def _misplaced(kind: OperationType, way: Way) -> Refusal | None:
    """Why this kind of operation can't be sent this way."""
    if way is Way.STREAM and kind is not OperationType.SUBSCRIPTION:
        message = f"A {kind.value} can't be sent this way: POST it to /graphql."
        return refusal_for(message, BAD_REQUEST)
    if kind is OperationType.SUBSCRIPTION and way is not Way.STREAM:
        message = (
            "A subscription has many answers: ask for it by a WebSocket (graphql-transport-ws) "
            f"or with Accept: {EVENT_STREAM}."
        )
        return refusal_for(message, BAD_REQUEST)
    if way is Way.GET and kind is OperationType.MUTATION:
        message = "A mutation can't be sent by GET: use POST."
        return refusal_for(message, BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED)
    return None


async def may_explore(request: HTTPConnection, caller: Caller, settings: Settings) -> bool:
    """Whether this is an administrator's GraphiQL, which runs any document where others may not.

    What tells GraphiQL is that GraphiQL is on, and that a page of our own origin posts with the
    session of someone who administers a service: no other origin, no access token, no GET. Such a
    request could come from the portal too; it is refused nothing that its sender may not do, and
    the limits on documents hold.
    """
    if (
        not settings.graphiql
        or request.scope.get("method") != "POST"
        or caller.session_id is None
        or not comes_from_our_own_page(request, settings)
    ):
        return False
    return any(each.is_administrator for each in (await memberships_of(caller)).values())
