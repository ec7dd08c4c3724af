"""What keeps the audit trail append-only in the database itself, whoever writes to it.

An event is taken only if it follows the last one of its chain, whose end it then becomes. None is
changed or removed, and an end goes forward only. Whoever owns the tables can remove the triggers:
SECURITY.md tells how the gateway runs as another role than the owner.
"""

BACKWARD = "NEW.id <> OLD.id OR NEW.sequence NOT IN (OLD.sequence, OLD.sequence + 1)"

KEPT = "audit events are never changed or removed"
FORWARD = "the end of a chain of audit events goes forward only"

SQLITE_TRIGGERS = [
    """
    CREATE TRIGGER audit_events_follow BEFORE INSERT ON audit_events BEGIN
        SELECT RAISE(ABORT, 'an audit event must follow the last one of its chain')
        WHERE NOT EXISTS (
            SELECT 1 FROM audit_chains
            WHERE id = coalesce(NEW.organization_id, '00000000-0000-0000-0000-000000000000')
            AND sequence = NEW.sequence - 1 AND hash = NEW.previous_hash
        );
        UPDATE audit_chains SET sequence = NEW.sequence, hash = NEW.hash
            WHERE id = coalesce(NEW.organization_id, '00000000-0000-0000-0000-000000000000');
    END
    """,
    *(
        f"""
        CREATE TRIGGER audit_events_stay_by_{event.lower()} BEFORE {event} ON audit_events BEGIN
            SELECT RAISE(ABORT, '{KEPT}');
        END
        """
        for event in ("UPDATE", "DELETE")
    ),
    f"""
    CREATE TRIGGER audit_chains_go_forward BEFORE UPDATE ON audit_chains WHEN {BACKWARD} BEGIN
        SELECT RAISE(ABORT, '{FORWARD}');
    END
    """,
    f"""
    CREATE TRIGGER audit_chains_stay BEFORE DELETE ON audit_chains BEGIN
        SELECT RAISE(ABORT, '{FORWARD}');
    END
    """,
]

POSTGRES_TRIGGERS = [
    """
    CREATE FUNCTION audit_events_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE audit_chains SET sequence = NEW.sequence, hash = NEW.hash
            WHERE id = coalesce(NEW.organization_id, '00000000-0000-0000-0000-000000000000')
            AND sequence = NEW.sequence - 1 AND hash = NEW.previous_hash;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'an audit event must follow the last one of its chain';
        END IF;
        RETURN NEW;
    END $$
    """,
    f"""
    CREATE FUNCTION audit_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{KEPT}';
    END $$
    """,
    f"""
    CREATE FUNCTION audit_chains_go_forward() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'UPDATE' THEN
            RAISE EXCEPTION '{FORWARD}';
        ELSIF {BACKWARD} THEN
            RAISE EXCEPTION '{FORWARD}';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_events_follow BEFORE INSERT ON audit_events
        FOR EACH ROW EXECUTE FUNCTION audit_events_follow()
    """,
    """
    CREATE TRIGGER audit_events_stay BEFORE UPDATE OR DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION audit_events_stay()
    """,
    """
    CREATE TRIGGER audit_events_stay_whole BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_stay()
    """,
    """
    CREATE TRIGGER audit_chains_go_forward BEFORE UPDATE OR DELETE ON audit_chains
        FOR EACH ROW EXECUTE FUNCTION audit_chains_go_forward()
    """,
    """
    CREATE TRIGGER audit_chains_stay_whole BEFORE TRUNCATE ON audit_chains
        FOR EACH STATEMENT EXECUTE FUNCTION audit_chains_go_forward()
    """,
]
