"""Instants by the database's clock, spread a little so that what began together does not stay together."""

import random
from datetime import timedelta
from typing import Final

from django.db.models import Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

SPREAD: Final = 0.1


def seconds_from_now(seconds: float) -> Combinable:
    """An instant so many seconds from now."""
    return Now() + Value(timedelta(seconds=seconds))


def about(seconds: float) -> Combinable:
    """An instant about so many seconds from now: a tenth more or less."""
    return seconds_from_now(seconds * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311  # no secret
