"""Facts from outside: prices and rates, each with its source, its time and how far it is trusted."""
