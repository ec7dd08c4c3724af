"""The list of users follows what others do, without disturbing who works with it."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import WebSocket, WebSocketRoute, expect

from tests.browser.companies import Company
from tests.browser.readers import Reader

LIVE_MS = 5_000
"""Well before the list would be read anew by itself."""


def follows(reader: Reader) -> None:
    """Open the list, and wait until it follows the users."""
    with reader.page.expect_websocket() as opening:
        reader.open("/users")
    socket: WebSocket = opening.value
    socket.wait_for_event("framereceived", lambda frame: "mayHaveMissedEvents" in str(frame))


def test_what_a_colleague_does_shows_in_the_list(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    alice, carla = contoso.administrator, person("carla-live@live.example", name="Carla Cole")
    added = contoso.add(
        "Carla Cole",
        role="commerce-services/service-administrator",
        microsoftAccount=carla.account,
        primaryEmailAddress=carla.account,
    )
    contoso.associate({**added, "address": carla.account}, carla)
    follows(carla)
    dora = contoso.add("Dora Diaz")
    carla.sees("Dora Diaz")
    contoso.edit(dora, firstName="Doris")
    expect(carla.row("Doris Diaz")).to_be_visible(timeout=LIVE_MS)
    contoso.invite(dora)
    expect(carla.row("Doris Diaz")).to_contain_text("Invited", timeout=LIVE_MS)
    seen = alice.ask("query($id: ID!) { user(id: $id) { version } }", id=dora["id"])["user"]
    contoso.edit({**dora, **seen}, roles={"set": []})
    expect(carla.row("Doris Diaz")).to_contain_text("No roles", timeout=LIVE_MS)
    alice.ask(
        "mutation($i: RemoveUsersInput!) { removeUsers(input: $i) { results { removedUserId } } }",
        i={"users": [{"id": dora["id"]}]},
    )

    expect(carla.row("Doris Diaz")).to_have_count(0, timeout=LIVE_MS)


def test_a_change_leaves_selection_focus_and_typed_text_alone(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add("Erin Eade")
    follows(alice)
    alice.check("Erin Eade")
    search = alice.page.get_by_role("searchbox")
    search.fill("Erin")
    alice.row("Alice Archer").wait_for(state="detached")
    alice.check("Erin Eade")
    search.focus()
    contoso.add("Erin Zink")
    expect(alice.row("Erin Zink")).to_be_visible(timeout=LIVE_MS)

    expect(search).to_be_focused()
    expect(search).to_have_value("Erin")
    expect(alice.page.get_by_role("checkbox", name="Select Erin Eade")).to_be_checked()
    expect(alice.page.get_by_role("checkbox", name="Select Erin Zink")).not_to_be_checked()


def test_the_list_is_read_anew_after_an_interruption(contoso: Company) -> None:
    alice = contoso.administrator
    routes: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        routes.append(route)
        if len(routes) == 1:
            route.connect_to_server()
            return
        # What happened meanwhile is told to nobody.
        begun = '{"id": "%s", "type": "next", "payload": {"data": null, "extensions": {}}}'

        def answer(message: str | bytes) -> None:
            asked = json.loads(message)
            if asked["type"] == "connection_init":
                route.send('{"type": "connection_ack"}')
            if asked["type"] == "subscribe":
                route.send(begun % asked["id"])

        route.on_message(answer)

    alice.page.route_web_socket(re.compile("/graphql$"), connect)
    alice.open("/users")
    alice.page.wait_for_timeout(6_000)
    routes[0].close(code=1013, reason="Events may have been missed.")
    contoso.add("Dora Diaz")

    alice.sees("Dora Diaz")


def test_signing_out_elsewhere_shows_at_once(contoso: Company) -> None:
    alice = contoso.administrator
    follows(alice)
    alice.provoked = "401"
    alice.ask("mutation { signOut(scope: ALL_SESSIONS) { signedOutSessions } }")

    alice.sees("signed out")


def test_graphiql_follows_users_from_its_tab(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/graphql")
    alice.page.get_by_role("tab", name="FollowUsers").click()
    with alice.page.expect_response(
        lambda response: response.headers.get("content-type", "").startswith("text/event-stream")
    ):
        alice.page.locator(".graphiql-execute-button").click()
    contoso.add("Dora Diaz")
    answer = alice.page.locator(".result-window")
    expect(answer).to_contain_text("CREATED", timeout=LIVE_MS)
    expect(answer).to_contain_text("Dora")
    alice.page.locator(".graphiql-execute-button").click()
    contoso.add("Erin Eade")
    alice.page.wait_for_timeout(500)

    expect(answer).not_to_contain_text("Erin")
