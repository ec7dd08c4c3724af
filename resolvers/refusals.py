"""Refusals: the problems that a caller can mend, as data, and what they are called."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from models.accounts import AccessScope
from models.audit import RecordedChange
from models.users import User
from resolvers.catalogue import Role, Service


class Code(StrEnum):
    """What kind of problem it is; the graph's `UserErrorCode`."""

    REQUIRED = "REQUIRED"
    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    RATE_LIMITED = "RATE_LIMITED"
    MICROSOFT_ACCOUNT_TAKEN = "MICROSOFT_ACCOUNT_TAKEN"
    MICROSOFT_ACCOUNT_MISMATCH = "MICROSOFT_ACCOUNT_MISMATCH"
    ROLE_REQUIRED = "ROLE_REQUIRED"
    ROLE_NOT_AVAILABLE = "ROLE_NOT_AVAILABLE"
    ROLE_OUT_OF_SCOPE = "ROLE_OUT_OF_SCOPE"
    LAST_SERVICE_ADMINISTRATOR = "LAST_SERVICE_ADMINISTRATOR"
    SELF_DEMOTION_NOT_CONFIRMED = "SELF_DEMOTION_NOT_CONFIRMED"
    USER_HAS_ROLES = "USER_HAS_ROLES"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    ALREADY_ASSOCIATED = "ALREADY_ASSOCIATED"
    INVITATION_ACCEPTED = "INVITATION_ACCEPTED"
    INVITATION_EXPIRED = "INVITATION_EXPIRED"
    INVITATION_REVOKED = "INVITATION_REVOKED"
    INVITATION_INVALID = "INVITATION_INVALID"
    ALREADY_SIGNED_UP = "ALREADY_SIGNED_UP"
    FEATURE_NOT_AVAILABLE = "FEATURE_NOT_AVAILABLE"
    SERVICE_NOT_ACTIVE = "SERVICE_NOT_ACTIVE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem of an input."""

    code: Code
    message: str
    path: tuple[str, ...] = ()
    """Where in the input, for example `("roles", "set", "0")`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LastServiceAdministrator(Problem):
    """The change would leave these services without an administrator (rule 37)."""

    code: Code = Code.LAST_SERVICE_ADMINISTRATOR
    services: tuple[Service, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class UserHasRoles(Problem):
    """The profile still holds these roles, so it can't be removed (rule 38)."""

    code: Code = Code.USER_HAS_ROLES
    selected_roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleProblem(Problem):
    """A role can't be moved; the role is known unless its id is not."""

    role: Role | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionConflict(Problem):
    """Someone changed the user since the caller read it (rule 34)."""

    code: Code = Code.VERSION_CONFLICT
    current: User


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimited(Problem):
    """Too many attempts; when the next may succeed."""

    code: Code = Code.RATE_LIMITED
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class Denial:
    """A lack of permission, for the audit trail (rule 42)."""

    organization_id: UUID | None
    subject_type: str | None = None
    subject_id: UUID | None = None
    subject_name: str = ""
    service_id: UUID | None = None
    asked: Sequence[RecordedChange] = ()
    """What would have changed, where that is told."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An anticipated refusal. Nothing was changed.

    `denial` is set where the reason is a lack of permission: it is recorded in the audit trail.
    """

    def __init__(self, problems: Sequence[Problem], *, denial: Denial | None = None) -> None:
        super().__init__(", ".join(f"{problem.code} at {problem.path}" for problem in problems))
        self.problems = tuple(problems)
        self.denial = denial


def refuse(
    code: Code, message: str, path: Sequence[str] = (), *, denial: Denial | None = None
) -> Refused:
    """A refusal for one plain problem, to be raised."""
    return Refused([Problem(code=code, message=message, path=tuple(path))], denial=denial)


class Unauthenticated(Exception):  # noqa: N818 - likewise
    """The caller must sign in first."""


class Forbidden(Exception):  # noqa: N818 - likewise
    """A read that the caller may not do, where the graph has no place for a problem."""


class OutOfScope(Forbidden):
    """An access token asks for what needs one of these scopes, and it has none of them."""

    def __init__(self, *scopes: AccessScope) -> None:
        super().__init__(f"This needs an access token with the scope {' or '.join(scopes)}.")
        self.scopes = scopes


class BadRequest(Exception):  # noqa: N818 - likewise
    """Arguments that can't be understood, such as a broken cursor; the text names them."""


@dataclass(slots=True)
class Problems:
    """Collects all problems of an input, so that they are reported together."""

    found: list[Problem] = field(default_factory=list)
    denial: Denial | None = None

    def add(self, code: Code, message: str, *path: str) -> None:
        """Note a plain problem."""
        self.found.append(Problem(code=code, message=message, path=path))

    def raise_if_any(self) -> None:
        """Refuse if anything was noted.

        Raises:
            Refused: There were problems.
        """
        if self.found:
            raise Refused(self.found, denial=self.denial)
