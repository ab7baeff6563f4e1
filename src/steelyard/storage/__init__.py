"""Where facts rest: PostgreSQL."""
