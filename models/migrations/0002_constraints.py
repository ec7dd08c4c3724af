"""Unique rules, checks and indexes, which Tortoise 1.1 leaves out when it creates a table."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.audit_triggers import POSTGRES_TRIGGERS, SQLITE_TRIGGERS
from models.operations import ForEachEngine, by_code_point

UNIQUE = {
    "accounts_by_issuer_and_subject": "accounts (issuer, subject)",
    "sessions_by_token": "sessions (token_hash)",
    "roles_by_code": "roles (service_id, code)",
    "roles_by_name": "roles (service_id, name)",
    "one_administrator_role": "roles (service_id) WHERE is_service_administrator",
    "catalogue_versions_by_version": "catalogue_versions (version)",
    "subscriptions_by_service": "service_subscriptions (organization_id, service_id)",
    "users_by_microsoft_account": "users (organization_id, microsoft_account_key)",
    "users_by_account": "users (organization_id, account_id) WHERE account_id IS NOT NULL",
    "words_of_users": "user_words (organization_id, word, user_id)",
    "role_assignments_by_user": "role_assignments (user_id, role_id)",
    "invitations_by_token": "invitations (token_hash)",
    "one_pending_invitation": "invitations (user_id) WHERE status = 'PENDING'",
    "events_by_sequence": "audit_events (organization_id, sequence)",
    "events_of_no_organization": "audit_events (sequence) WHERE organization_id IS NULL",
}

INDEXES = {
    "sessions_of_account": "sessions (account_id)",
    "sessions_by_end": "sessions (expires_at)",
    "users_by_name": "users (organization_id, sort_name, id)",
    "users_by_address": "users (organization_id, primary_email_address_key, id)",
    "users_by_creation": "users (organization_id, created_at, id)",
    "users_by_sign_in": "users (organization_id, last_sign_in_at, id)",
    "users_of_account": "users (account_id)",
    "words_of_user": "user_words (user_id)",
    "role_assignments_by_service": "role_assignments (organization_id, service_id, role_id)",
    "role_assignments_of_role": "role_assignments (role_id)",
    "role_assignments_by_granter": "role_assignments (granted_by_id)",
    "subscriptions_of_service": "service_subscriptions (service_id)",
    "invitations_by_creation": "invitations (organization_id, created_at, id)",
    "invitations_of_user": "invitations (user_id, created_at)",
    "invitations_by_sender": "invitations (sent_by_id)",
    "mails_of_invitation": "outgoing_mails (invitation_id)",
    "mails_due": "outgoing_mails (next_attempt_at) WHERE status = 'QUEUED'",
    "events_by_creation": "audit_events (organization_id, created_at, id)",
}


class Migration(migrations.Migration):
    """Every rule that data can hold, as the database's own."""

    dependencies = [("models", "0001_initial")]

    operations = [
        by_code_point("users", ["sort_name", "primary_email_address_key", "microsoft_account_key"]),
        by_code_point("user_words", ["word"]),
        *(ops.RunSQL(f"CREATE UNIQUE INDEX {name} ON {on}") for name, on in UNIQUE.items()),
        *(ops.RunSQL(f"CREATE INDEX {name} ON {on}") for name, on in INDEXES.items()),
        ForEachEngine(sqlite=SQLITE_TRIGGERS, postgres=POSTGRES_TRIGGERS),
    ]
