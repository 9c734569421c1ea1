"""Names for the partner ids that ledger rows hold as values: the partners app, above this one, tells them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from audit.models import Event

NamesOf = Callable[[Iterable[UUID]], Mapping[UUID, str]]
IdsMatching = Callable[[str], list[UUID]]


@dataclass(frozen=True, slots=True)
class PartnerDirectory:
    """Who can say what a partner is called, and which partners a text may mean."""

    names_of: NamesOf
    ids_matching: IdsMatching


_directories: list[PartnerDirectory] = []


def register_directory(directory: PartnerDirectory) -> None:
    """Let the admin show partners by their name."""
    _directories.append(directory)


def name_partners(events: Iterable[Event]) -> Mapping[UUID, str]:
    """Look up the names of all partners some rows speak of, in one question."""
    ids = {event.partner_id for event in events if event.partner_id}
    found: dict[UUID, str] = {}
    for directory in _directories if ids else ():
        found.update(directory.names_of(ids))
    return found


def partners_matching(text: str) -> list[UUID]:
    """Find the partners a search text may mean."""
    return [partner_id for directory in _directories for partner_id in directory.ids_matching(text)]
