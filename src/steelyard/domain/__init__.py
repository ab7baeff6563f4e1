"""What it is: frozen values and their laws; standard library only."""
