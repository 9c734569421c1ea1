"""One-time session tokens and the embed sessions they turn into."""

import uuid
from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models.functions import Now

from core.principals import Environment
from organizations.models import Profile
from partners.models import ENVIRONMENTS, ApiKey, Partner
from sessions_app.querysets import EmbedSessionQuerySet, SessionTokenQuerySet

MAX_TOKEN_LIFE: Final = timedelta(seconds=300)


class SessionToken(models.Model):
    """A token made by a handshake: kept as a digest, good once, for at most 300 seconds.

    The epochs are those of the moment it was made; they are compared with the present ones on redemption. Partner, key and
    profile carry no foreign key in the database: the statement that writes the row reads all three, whoever uses it later
    reads them again and refuses what is gone, and the checks would lock their rows at every handshake.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.BinaryField(max_length=32)
    partner = models.ForeignKey(Partner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, db_constraint=False, related_name="session_tokens")
    key = models.ForeignKey(ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    partner_epoch = models.PositiveIntegerField()
    profile_epoch = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True)
    # Digest of the redeem_id that won, so that the same page may ask again.
    redeem_digest = models.BinaryField(max_length=32, null=True)
    revoked_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)

    objects = SessionTokenQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("revoke_sessiontoken", "Can revoke sessions")]
        constraints = [
            models.UniqueConstraint("digest", name="token_digest_once"),
            models.CheckConstraint(condition=models.Q(digest__length=32), name="token_digest_length"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="token_environment"),
            models.CheckConstraint(
                condition=models.Q(expires_at__lte=models.F("created_at") + models.Value(MAX_TOKEN_LIFE)), name="token_life"
            ),
        ]
        indexes = [models.Index("expires_at", name="token_expiry")]

    def __str__(self) -> str:
        return str(self.id)


class EndReason(models.TextChoices):
    """Why an embed session ended, besides running out."""

    LOGOUT = "logout", "Signed out"
    REVOKED = "revoked", "Revoked"
    REFRESH_REUSED = "refresh_reused", "An outdated handle came back"


class EmbedSession(models.Model):
    """A signed-in iframe. The row keeps the digest of the handle in use, never a handle.

    Handles are derived, not stored (`sessions_app.handles`): the first from the session token and the page's redeem_id, each
    next one from its predecessor, all under the pepper `pepper_id`. So a lost answer can be given again, and any outdated
    handle can be recognised as an ancestor of the one in use.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session_token = models.OneToOneField(
        SessionToken, on_delete=models.DO_NOTHING, db_constraint=False, related_name="embed_session"
    )
    partner = models.ForeignKey(Partner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, db_constraint=False, related_name="embed_sessions")
    key = models.ForeignKey(ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    partner_epoch = models.PositiveIntegerField()
    profile_epoch = models.PositiveIntegerField()
    pepper_id = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField(default=0)
    handle_digest = models.BinaryField(max_length=32)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    # Never later than expires_at, so that one comparison decides both ends.
    idle_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, choices=EndReason.choices, blank=True, default="", db_default="")

    objects = EmbedSessionQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=models.Q(handle_digest__length=32), name="embed_handle_length"),
            models.CheckConstraint(condition=models.Q(idle_expires_at__lte=models.F("expires_at")), name="embed_idle_first"),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, end_reason="") | models.Q(ended_at__isnull=False) & ~models.Q(end_reason=""),
                name="embed_ended_with_reason",
            ),
        ]
        indexes = [models.Index("idle_expires_at", name="embed_idle_expiry")]

    def __str__(self) -> str:
        return str(self.id)
