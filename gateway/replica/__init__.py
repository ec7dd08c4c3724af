"""Reading from a replica of the database."""
