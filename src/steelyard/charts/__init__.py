"""How it looks: rows become figures, as plain dicts."""
