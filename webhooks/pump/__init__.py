"""The pump: takes due deliveries from PostgreSQL, sends them, and writes down what came of it."""
