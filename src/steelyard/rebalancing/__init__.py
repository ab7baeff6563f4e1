"""What to do: the trades that bring an account to its target, and the proof of how good they are; pure functions."""
