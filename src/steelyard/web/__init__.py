"""The face for people: pages that work without a script, drawn on the server from what services answer."""
