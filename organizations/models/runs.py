"""The history of syncs: one row for each time a provider was asked."""

from django.db import models

from organizations.models.oauth import OAuthGrant


class RunTrigger(models.TextChoices):
    SCHEDULE = "schedule", "Schedule"
    REQUEST = "request", "Asked for"


class RunOutcome(models.TextChoices):
    CHANGED = "changed", "Changed"
    UNCHANGED = "unchanged", "Nothing new"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"
    LOST = "lost", "Lost"
    SUPERSEDED = "superseded", "Overtaken"
    REVOKED = "revoked", "Revoked upstream"


class RunRefresh(models.TextChoices):
    """What became of the refresh token in a run."""

    NONE = "", "Not used"
    DONE = "done", "Refreshed"
    FAILED = "failed", "Failed"
    LOST = "lost", "Answer lost"


class SyncRun(models.Model):
    """One time that a provider was asked for an organization. `changes` counts and names fields, and holds no values."""

    id = models.BigAutoField(primary_key=True)
    grant = models.ForeignKey(OAuthGrant, on_delete=models.CASCADE, related_name="runs", db_index=False)
    trigger = models.CharField(max_length=8, choices=RunTrigger.choices)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=RunOutcome.choices)
    reason = models.CharField(max_length=20, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    refresh = models.CharField(max_length=6, blank=True, choices=RunRefresh.choices)
    changes = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(outcome__in=RunOutcome.values), name="sync_run_outcome"),
            models.CheckConstraint(condition=models.Q(trigger__in=RunTrigger.values), name="sync_run_trigger"),
            models.CheckConstraint(condition=models.Q(refresh__in=RunRefresh.values), name="sync_run_refresh"),
        ]
        indexes = [
            models.Index("grant", models.F("id").desc(), name="sync_run_of_grant"),
            models.Index("started_at", name="sync_run_age"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.started_at:%Y-%m-%d %H:%M}"
