"""`make bench`: our hot paths and other libraries', measured side by side on one server and one PostgreSQL."""
