"""Versions of rows that processes remember: a version equals only itself."""

import secrets


def new_version() -> int:
    """Make a version that no other state ever had: random, so that neither a rollback nor a restored backup brings one back."""
    return secrets.randbits(62)
