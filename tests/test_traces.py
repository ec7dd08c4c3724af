"""Traces: the tree of a request's spans as a collector gets it, and that they hold no value."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.traces import verb_and_table
from tests import documents
from tests.otlp_receiver import Received, otlp_receiver
from tests.plain_browser import PlainBrowser
from tests.postgres import PostgresServer
from tests.servers import ROOT, SECRET_KEY, environment_for
from tests.servers import gateway as running_gateway

ALICE = "alice@live.example"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


@dataclass
class Traced:
    """What was done, and what the collector got of it."""

    received: Received
    secrets: set[str]

    def below(self, span: Any) -> list[Any]:
        """The spans right below one, in the order in which they ended."""
        return [each for each in self.received.spans if each.parent_span_id == span.span_id]


@pytest.fixture(scope="module")
def traced(
    engine_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traced]:
    """Alice signs up, makes a user and invites her; one request names its trace."""
    url = engine_server.create_database("traced")
    folder = tmp_path_factory.mktemp("traced")
    with ExitStack() as stack:
        collector, received = stack.enter_context(otlp_receiver())
        with (
            running_gateway(
                folder,
                database_url=url,
                GATEWAY_TRACES="true",
                OTEL_EXPORTER_OTLP_ENDPOINT=collector,
                OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=tests",
            ) as gateway,
            PlainBrowser(gateway) as alice,
        ):
            gateway.provider.knows(ALICE, name="Alice Archer")
            alice.sign_in(ALICE)
            catalogue = alice.ask(documents.CATALOGUE)["services"]
            service = next(each for each in catalogue if each["code"] == "commerce-services")
            viewer = next(each for each in service["roles"] if each["code"] == "viewer")
            made = alice.manage(
                documents.SIGN_UP, serviceId=service["id"], newOrganization=documents.CONTOSO
            )
            organization = made["user"]["organization"]["id"]
            form = {**documents.FORM, "roles": {"set": [viewer["id"]]}}
            dora = alice.manage(documents.CREATE_USER, organizationId=organization, **form)
            alice.manage(documents.INVITE_USERS, userIds=[dora["user"]["id"]])
            link = gateway.mailbox.link_for("dora@contoso.example")
            alice.client.post(
                "/graphql",
                json={"query": 'query Viewer { viewer { displayName } node(id: "Contoso") {id} }'},
                headers={
                    "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01",
                    "baggage": "name=Alice",
                },
            )
            alice.client.get(link)
            alice.client.get("/nowhere/Alice?name=Archer")
        yield Traced(received, {*alice.secrets, link.rpartition("/")[2]})


def test_a_request_s_spans_are_below_the_caller_s_trace(traced: Traced) -> None:
    (request,) = (span for span in traced.received.spans if span.parent_span_id.hex() == PARENT_ID)
    (operation,) = traced.below(request)
    statements = traced.below(operation)
    attributes = {each.key: each.value for each in request.attributes}

    assert traced.received.resource["service.name"] == "commerce-gateway"
    assert traced.received.resource["deployment.environment.name"] == "tests"
    assert (request.name, request.trace_id.hex()) == ("POST /graphql", TRACE_ID)
    assert attributes["http.route"].string_value == "/graphql"
    assert attributes["http.response.status_code"].int_value == 200
    assert operation.name == "query Viewer"
    assert statements[0].name == "SELECT sessions"
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in statements)
    assert all(span.start_time_unix_nano >= request.start_time_unix_nano for span in statements)


def test_no_span_holds_a_value(traced: Traced) -> None:
    names = {span.name for span in traced.received.spans}
    sent = b"".join(traced.received.bodies).lower()
    values = {
        *("alice", "archer", "dora", "diaz", "contoso", "live.example", "displayname", "= $1"),
        *("traceparent", "baggage", "cookie", "nowhere", SECRET_KEY.lower()),
        *(secret.lower() for secret in traced.secrets),
    }

    assert len(traced.secrets) > 5
    assert {"GET /auth/callback", "GET /invitations/{token}", "GET unrouted"} <= names
    assert {"INSERT outgoing_mails", "UPDATE organizations", "COMMIT"} <= names
    assert [value for value in values if value.encode() in sent] == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ('SELECT "id" FROM "users" WHERE 1', ("SELECT", "users")),
        ("\n  UPDATE organizations SET x = 1", ("UPDATE", "organizations")),
        ("INSERT INTO audit_events (a) VALUES ('FROM users')", ("INSERT", "audit_events")),
        ("SELECT 'gone from Alice'", ("SELECT", "")),
        ("BEGIN;", ("BEGIN", "")),
        ("", ("", "")),
    ],
)
@pytest.mark.usefixtures("database")
async def test_a_statement_is_told_by_its_verb_and_one_of_our_tables(
    statement: str, told: tuple[str, str]
) -> None:
    verb_and_table.cache_clear()

    assert verb_and_table(statement) == told


def test_traces_without_opentelemetry_are_refused_in_plain_words(tmp_path: Path) -> None:
    environment = environment_for(
        "http://127.0.0.1:8000", f"sqlite://{tmp_path / 'x.sqlite3'}", GATEWAY_TRACES="true"
    )
    without = "import sys; sys.modules['opentelemetry'] = None; from gateway.commands import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{without}sys.argv = ['gateway', 'serve']; main()"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "gateway: GATEWAY_TRACES: needs OpenTelemetry: pip install 'commerce-gateway[otel]'\n"
    )
