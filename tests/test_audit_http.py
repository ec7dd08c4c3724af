"""The audits of npm's graphql-http, which `make audit-http` runs alone."""

from collections.abc import Callable

from tests.audit_http import audited


def test_every_audit_of_graphql_over_http_passes(
    record_property: Callable[[str, object], None],
) -> None:
    done = audited()
    record_property("counts", f"audits of GraphQL over HTTP: {done.stdout.strip()}")

    assert done.returncode == 0, done.stdout + done.stderr
