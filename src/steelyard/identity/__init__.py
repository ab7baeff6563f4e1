"""Who may: signing in, and proving it again."""
