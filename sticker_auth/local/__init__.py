"""Everything a newcomer's machine lacks: PostgreSQL, a broker, secrets and demo data, started and stopped by us.

Nothing in here is used by a production server, except that `environment.load` is called there too and does nothing.
"""
