"""Access decisions: may a user do an action of a service?"""

import strawberry

from resolvers import access


@strawberry.type(description="A rule of an access decision.")
class AccessStep:
    """A rule."""

    rule: str = strawberry.field(
        description="Its stable key: `user`, `service`, `association`, `subscription`, `active`, "
        "`availability`, `role` or `action`."
    )
    passed: bool = strawberry.field(description="Whether it is kept.")
    detail: str = strawberry.field(description="For people; may change.")


@strawberry.type(description="The answer, with the rules that led to it, in order.")
class AccessDecision:
    """A decision."""

    allowed: bool = strawberry.field(description="Whether all rules are kept.")
    steps: list[AccessStep] = strawberry.field(
        description="The rules, also those after one that is not kept."
    )


def to_access_decision(decision: access.Decision) -> AccessDecision:
    """The graph's view of a decision."""
    return AccessDecision(
        allowed=decision.allowed,
        steps=[
            AccessStep(rule=step.rule, passed=step.passed, detail=step.detail)
            for step in decision.steps
        ],
    )
