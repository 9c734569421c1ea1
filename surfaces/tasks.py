"""The alarm clocks of the surfaces."""

from typing import Any

from celery import shared_task

from surfaces.services.player_upkeep import purge_used_ids, renew_key_sets


@shared_task(name="surfaces.tasks.renew_key_sets", time_limit=60, soft_time_limit=50)
def renew_player_key_sets(**_later: Any) -> int:
    """Renew the key sets of player issuers before they are due; tell how many were fetched."""
    return renew_key_sets(budget_seconds=10)


@shared_task(name="surfaces.tasks.purge_used_ids", time_limit=110, soft_time_limit=100)
def purge_used_player_ids(**_later: Any) -> int:
    """Forget the ids of player tokens that have expired; tell how many."""
    return purge_used_ids()
