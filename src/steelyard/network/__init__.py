"""What is asked of machines that are not ours, and how far their answers are trusted: one guarded client."""
