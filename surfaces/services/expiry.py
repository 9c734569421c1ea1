"""What of logins is old enough for the purge."""

from django.conf import settings

from sessions_app.services.purge import Target, delete_older


def expired_logins() -> list[Target]:
    """Customers' sessions that are over, and pairs of account and address that were not seen for long."""
    return [
        Target("customer logins", delete_older("surfaces_loginsession", "idle_expires_at"), settings.LOGIN_SESSION_RETENTION),
        Target("known logins", delete_older("surfaces_knownlogin", "last_at"), settings.KNOWN_LOGIN_RETENTION),
    ]
