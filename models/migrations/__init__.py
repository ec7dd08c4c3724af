"""The schema's history, applied in order by `gateway migrate` on SQLite and PostgreSQL alike."""
