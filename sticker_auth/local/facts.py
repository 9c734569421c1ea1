"""What a demo run is reached by: kept in `$VAR_DIR/demo.json` while, and only while, everything answers."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from sticker_auth.local.environment import write_private

_PUBLISHED: Final = "demo.json"
_PENDING: Final = "demo.pending.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """Addresses and sandbox credentials of a demo run."""

    base_url: str
    admin_url: str
    docs_url: str
    demo_url: str
    gateway_url: str
    staff_username: str
    staff_password: str = field(repr=False)
    partner_id: str
    shop_handle: str
    api_key: str = field(repr=False)
    surface_api_key: str = field(repr=False)
    organization_id: str
    internal_user_id: str
    reseller_email: str
    reseller_password: str = field(repr=False)
    customer_email: str
    customer_password: str = field(repr=False)


def withdraw(folder: Path) -> None:
    """Take back what an earlier run published; its credentials stay at hand for this one."""
    if published_path(folder).exists():
        published_path(folder).replace(folder / _PENDING)


def read_pending(folder: Path) -> Facts | None:
    """Read what was withdrawn or saved; None when there is nothing, or nothing of use."""
    try:
        found: dict[str, Any] = json.loads((folder / _PENDING).read_text())
        return Facts(**{each.name: str(found[each.name]) for each in fields(Facts)})
    except (OSError, ValueError, KeyError):
        return None


def save_pending(folder: Path, facts: Facts) -> None:
    """Save the facts of a run that does not answer yet."""
    write_private(folder / _PENDING, json.dumps(asdict(facts), indent=2) + "\n")


def publish(folder: Path) -> None:
    """Tell the world that everything answers, by one atomic rename."""
    (folder / _PENDING).replace(published_path(folder))


def site_configuration_path(folder: Path) -> Path:
    """The file that gives the demo partner's backend its key."""
    return folder / "demo-partner.json"


def published_path(folder: Path) -> Path:
    """The file that users read."""
    return folder / _PUBLISHED
