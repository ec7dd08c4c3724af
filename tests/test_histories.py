"""Whatever several people do in whatever order, the gateway does what a simple model does."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.histories import ROLES, SERVICES, Step
from tests.history import History
from tests.people import Gateway

ACTORS = st.sampled_from([0, 1, 2, 0, 1, 2, 3, 4])
ACCOUNTS = st.integers(0, 4)
ANY_ROLE = st.sampled_from(ROLES)
SERVICE = st.sampled_from(SERVICES)
NAMES = st.sampled_from(["Ann", "Ben"])
ADDRESSES = st.sampled_from(["one@contoso.example", "two@contoso.example"])

SINGLE_STEPS = st.one_of(
    st.tuples(st.just("sign_up"), ACTORS, SERVICE),
    st.tuples(st.sampled_from(["activate", "deactivate"]), ACTORS, SERVICE),
    st.tuples(st.just("create"), ACTORS, ACCOUNTS, st.sets(ANY_ROLE, max_size=2)),
    st.tuples(st.sampled_from(["add", "remove_role"]), ACTORS, ACCOUNTS, ANY_ROLE),
    st.tuples(st.just("rename"), ACTORS, ACCOUNTS, NAMES),
    st.tuples(st.just("readdress"), ACTORS, ACCOUNTS, ADDRESSES),
    st.tuples(st.just("invite"), ACTORS, ACCOUNTS),
    st.tuples(st.just("revoke"), ACTORS, ACCOUNTS),
    st.tuples(st.just("accept"), ACCOUNTS, st.integers(0, 9)),
    st.tuples(st.just("remove"), ACTORS, ACCOUNTS),
)

STEPS = st.one_of(
    SINGLE_STEPS,
    st.tuples(st.just("enter"), ACTORS, ACCOUNTS, ANY_ROLE),
    st.tuples(st.just("invite_and_revoke"), ACTORS, ACCOUNTS),
    st.tuples(st.just("empty_and_remove"), ACTORS, ACCOUNTS),
)

FOUNDERS = st.integers(0, 2)
"""Who have come in by the time that the steps begin."""

AT_ONCE = st.one_of(
    st.lists(SINGLE_STEPS, min_size=2, max_size=3),
    st.lists(
        st.one_of(
            st.tuples(
                st.sampled_from(["remove_role", "add"]), FOUNDERS, FOUNDERS, st.just(ROLES[0])
            ),
            st.tuples(st.just("invite"), FOUNDERS, st.just(3)),
            st.tuples(st.just("readdress"), FOUNDERS, st.just(3), ADDRESSES),
            st.tuples(st.just("revoke"), FOUNDERS, st.just(3)),
            st.tuples(st.just("accept"), st.just(3), st.integers(2, 5)),
            st.tuples(st.just("remove_role"), FOUNDERS, st.just(3), st.just(ROLES[1])),
            st.tuples(st.just("remove"), FOUNDERS, st.just(3)),
        ),
        min_size=2,
        max_size=3,
    ),
)
"""What gets in each other's way: administrators who demote each other, and one invitation."""

slow_examples = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@slow_examples
@given(steps=st.lists(STEPS, min_size=10, max_size=20))
async def test_whatever_people_do_the_gateway_does_what_the_model_does(
    gateway: Gateway, steps: list[Step]
) -> None:
    history = History(gateway)
    await history.begin()
    for step in steps:
        await history.take(step)
    await history.end()


@slow_examples
@given(rounds=st.lists(AT_ONCE, min_size=3, max_size=8))
async def test_whatever_people_do_at_once_the_gateway_does_it_in_some_order(
    gateway: Gateway, rounds: list[list[Step]]
) -> None:
    history = History(gateway)
    await history.begin()
    await history.take(("create", 0, 3, {ROLES[1]}))
    await history.take(("invite", 0, 3))
    for steps in rounds:
        await history.take_at_once(steps)
    await history.end()
