"""The acts of a session: make, redeem, keep alive, end."""
