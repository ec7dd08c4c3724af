"""What the database holds once all is quiet, against what was acknowledged."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from tortoise.connection import get_connection

from models.audit import AuditAction, AuditEvent, AuditOutcome
from models.invitations import DeliveryStatus, Invitation, InvitationStatus, OutgoingMail
from models.users import RoleAssignment
from models.users import User as Row
from schema.nodes import decode_id, encode_id
from tests.faults.clients import Links
from tests.faults.people import Administrator, State, User

COUNTED = {
    AuditAction.USER_CREATED,
    AuditAction.USER_EDITED,
    AuditAction.USER_REMOVED,
    AuditAction.INVITATION_SENT,
    AuditAction.INVITATION_REVOKED,
    AuditAction.ACCOUNT_ASSOCIATED,
}

WITHOUT_ADMINISTRATOR = """
SELECT count(*) AS count FROM service_subscriptions AS used WHERE NOT EXISTS (
    SELECT 1 FROM role_assignments AS held
    JOIN roles ON roles.id = held.role_id JOIN users ON users.id = held.user_id
    WHERE held.organization_id = used.organization_id AND held.service_id = used.service_id
        AND roles.is_service_administrator AND users.account_id IS NOT NULL
)
"""


@dataclass
class Ledger:
    """The counts. What must be nothing is in `broken`."""

    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    """Changes that are there more often than they were asked for."""
    half_done: int = 0
    applied_unknown: int = 0
    """Changes that nobody acknowledged, and that were made."""
    unknown: int = 0
    invitations_lost: int = 0
    without_administrator: int = 0
    mails_owed: int = 0
    mails_delivered: int = 0
    mails_arrived: int = 0
    """With those whose user is gone, and doubles."""
    doubles: int = 0
    doubles_of_another_id: int = 0
    faulty_chains: int = 0
    remarks: list[str] = field(default_factory=list)
    """What is wrong, one by one."""

    @property
    def broken(self) -> dict[str, int]:
        """The counts that must be nothing, and are not."""
        counts = {
            "acknowledged changes lost": self.lost,
            "changes made twice": self.twice,
            "half-done changes": self.half_done,
            "invitations lost": self.invitations_lost,
            "services without an administrator": self.without_administrator,
            "mails not delivered": self.mails_owed - self.mails_delivered,
            "doubles with another Message-ID": self.doubles_of_another_id,
            "faulty chains of the audit trail": self.faulty_chains,
        }
        return {name: count for name, count in counts.items() if count}

    def told(self) -> str:
        """The counts, for people."""
        return "\n".join(
            [
                (
                    f"changes: {self.acknowledged} acknowledged, "
                    f"{self.acknowledged - self.lost} of them found, "
                    f"{self.lost} lost, {self.twice} made twice"
                ),
                (
                    f"changes whose client gave up: {self.unknown}, of which "
                    f"{self.applied_unknown} were made; {self.half_done} half done"
                ),
                (
                    f"mails: {self.mails_arrived} arrived; {self.mails_owed} are owed by the "
                    f"outbox, {self.mails_delivered} of them delivered; {self.doubles} doubles, "
                    f"{self.doubles_of_another_id} of them with another Message-ID"
                ),
                f"invitations lost: {self.invitations_lost}",
                f"services without an administrator: {self.without_administrator}",
                f"faulty chains of the audit trail: {self.faulty_chains}",
                *self.remarks[:20],
            ]
        )

    async def compare(self, administrator: Administrator) -> None:
        """Compare an administrator's users with the database, and forget those that are settled."""
        everyone = [*administrator.users, *administrator.left]
        actual = await _states(everyone)
        for user in everyone:
            self._compare(user, actual[user.account])
        self.acknowledged += administrator.acknowledged.total()
        administrator.acknowledged.clear()
        administrator.users += [user for user in administrator.left if user.state.exists]
        administrator.left.clear()

    def _compare(self, user: User, actual: State) -> None:
        expected = Counter(dict(user.state.events))
        there = Counter(dict(actual.events))
        self.lost += (expected - there).total()
        possible = Counter(dict((user.uncertain or user.state).events))
        self.twice += (there - (expected | possible)).total()
        if user.uncertain is not None:
            self.unknown += 1
            self.applied_unknown += actual == user.uncertain
        if actual not in {user.state, user.uncertain}:
            self.half_done += 1
            self.remarks.append(f"{user.account}: {actual}, not {user.state} nor {user.uncertain}")
        elif user.uncertain == actual:
            user.state = actual
        user.uncertain = None

    async def look_at_mails(self, links: Links) -> None:
        """Compare the outbox, and the invitations that are open, with what has arrived."""
        links.look()
        arrived = {
            message_id.strip("<>").partition("@")[0]
            for ids in links.message_ids.values()
            for message_id in ids
        }
        owed = [
            str(mail["id"])
            for mail in await OutgoingMail.filter(
                status__in=[DeliveryStatus.QUEUED, DeliveryStatus.SENT]
            ).values("id")
        ]
        self.mails_arrived = links.read
        self.mails_owed = len(owed)
        self.mails_delivered = len([id_ for id_ in owed if id_ in arrived])
        self.doubles = sum(len(ids) - 1 for ids in links.message_ids.values())
        self.doubles_of_another_id = sum(len(set(ids)) - 1 for ids in links.message_ids.values())
        opened = await Invitation.filter(status=InvitationStatus.PENDING)
        self.invitations_lost = len([each for each in opened if not links.lead_to(each)])
        (row,) = await get_connection("default").execute_query_dict(WITHOUT_ADMINISTRATOR)
        self.without_administrator = max(self.without_administrator, row["count"])


async def _states(users: Iterable[User]) -> dict[str, State]:
    """By account."""
    users = list(users)
    rows = {
        row.microsoft_account_key: row
        for row in await Row.filter(microsoft_account_key__in=[user.account for user in users])
    }
    for user in users:
        if not user.id and user.account in rows:
            user.id = encode_id("User", rows[user.account].id)
    ids = [decode_id("User", user.id) for user in users if user.id]
    roles: dict[UUID, set[str]] = {}
    for held in await RoleAssignment.filter(user_id__in=ids):
        roles.setdefault(held.user_id, set()).add(encode_id("Role", held.role_id))
    newest: dict[UUID, Invitation] = {}
    for invitation in await Invitation.filter(user_id__in=ids).order_by("created_at", "id"):
        newest[invitation.user_id] = invitation
    events: dict[UUID, Counter[str]] = {}
    for event in await AuditEvent.filter(
        subject_id__in=ids, outcome=AuditOutcome.SUCCEEDED, action__in=COUNTED
    ):
        if event.subject_id is not None:
            events.setdefault(event.subject_id, Counter())[event.action] += 1
    states = {}
    for user in users:
        id_ = decode_id("User", user.id) if user.id else None
        counted = frozenset(events.get(id_, Counter()).items()) if id_ else frozenset()
        row = rows.get(user.account)
        states[user.account] = (
            State(events=counted)
            if row is None
            else _state(row, roles.get(row.id, set()), newest.get(row.id), counted)
        )
        if row is not None and row.id in newest:
            user.invitation_id = encode_id("Invitation", newest[row.id].id)
    return states


def _state(
    row: Row, roles: set[str], invitation: Invitation | None, events: frozenset[tuple[str, int]]
) -> State:
    return State(
        exists=True,
        first_name=row.first_name,
        version=row.version,
        roles=frozenset(roles),
        status=str(row.status),
        invitation=str(invitation.status) if invitation else None,
        sends=invitation.send_count if invitation else 0,
        events=events,
    )
