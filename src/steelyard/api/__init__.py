"""The face for programs: JSON under /api/v1. A route says who may use it, asks one service, and answers."""
