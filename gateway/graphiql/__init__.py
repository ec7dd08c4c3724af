"""GraphiQL on our own origin: its page, its starting tabs, and its package for npm."""
