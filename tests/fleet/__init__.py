"""A fleet under load: replicas and PostgreSQL are restarted, and nothing may be lost."""
