"""Acts outside: orders to brokers, and what brokers say of them."""
