"""Problems that a person can mend, as data."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import refusals
from resolvers.refusals import Problem
from schema.catalogue import Role, Service, to_role, to_service
from schema.context import Context
from schema.enums import Code

if TYPE_CHECKING:
    from schema.users import User


@strawberry.interface(
    description="A problem that the caller can mend. Mutations return these as data; defects and "
    "missing sign-in are top-level errors."
)
class UserError:
    """One problem."""

    code: Code = strawberry.field(description="What kind of problem it is.")
    message: str = strawberry.field(description="For people; may change.")
    path: list[str] = strawberry.field(
        description='Where in `input`, for example `["roles", "set", "0"]`.'
    )


@strawberry.type(description="Any problem that needs no more than its code, message and path.")
class InputError(UserError):
    """A plain problem."""


@strawberry.type(description="The change would leave services without an administrator.")
class LastServiceAdministratorError(UserError):
    """Rule 37."""

    services: list[Service] = strawberry.field(description="The services left without.")


@strawberry.type(description="The user still holds roles, so the profile can't be removed.")
class UserHasRolesError(UserError):
    """Rule 38."""

    selected_roles: list[Role] = strawberry.field(description="The roles to remove first.")


@strawberry.type(description="A role can't be selected or deselected by this caller for this user.")
class RoleError(UserError):
    """Rules 4 and 23."""

    role: Role | None = strawberry.field(description="The role; null if no role has the id.")


@strawberry.type(description="Someone changed the user since the caller read it.")
class VersionConflictError(UserError):
    """Rule 34."""

    current: Annotated["User", strawberry.lazy("schema.users")] = strawberry.field(
        description="The user as it is now."
    )


@strawberry.type(description="Too many attempts; a later one may succeed.")
class RateLimitedError(UserError):
    """Rates."""

    retry_after_seconds: int = strawberry.field(description="How long to wait.")


ERROR_TYPES = [
    InputError,
    LastServiceAdministratorError,
    UserHasRolesError,
    RoleError,
    VersionConflictError,
    RateLimitedError,
]
"""Every type that implements `UserError`."""


def to_user_error(problem: Problem, context: Context) -> UserError:
    """The graph's view of a problem."""
    from schema.users import to_user  # noqa: PLC0415 - users have problems, and problems users

    code, message, path = problem.code, problem.message, list(problem.path)
    match problem:
        case refusals.LastServiceAdministrator(services=services):
            return LastServiceAdministratorError(
                code=code,
                message=message,
                path=path,
                services=[to_service(service) for service in services],
            )
        case refusals.UserHasRoles(selected_roles=roles):
            return UserHasRolesError(
                code=code,
                message=message,
                path=path,
                selected_roles=[to_role(role) for role in roles],
            )
        case refusals.RoleProblem(role=role):
            view = to_role(role) if role else None
            return RoleError(code=code, message=message, path=path, role=view)
        case refusals.VersionConflict(current=current):
            return VersionConflictError(
                code=code, message=message, path=path, current=to_user(current, context)
            )
        case refusals.RateLimited(retry_after_s=seconds):
            return RateLimitedError(
                code=code, message=message, path=path, retry_after_seconds=seconds
            )
        case _:
            return InputError(code=code, message=message, path=path)


def to_user_errors(refusal: refusals.Refused, context: Context) -> list[UserError]:
    """The graph's view of a refusal."""
    return [to_user_error(problem, context) for problem in refusal.problems]
