"""Turning the rulebook's page: an act that changes a rule locks it first, and versions it anew in its own transaction."""

import secrets

from django.db.models import F
from django.db.models.functions import Now

from surfaces.models import Rulebook


def lock_rules() -> None:
    """Wait until no other act is changing the rules, so that this one sees what those before it did."""
    Rulebook.objects.select_for_update().get(pk=1)


def change_rules() -> None:
    """Give the rules a new version, which every process sees in its next check."""
    Rulebook.objects.filter(pk=1).update(version=secrets.randbits(62), edits=F("edits") + 1, changed_at=Now())
