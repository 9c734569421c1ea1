"""What commands print about keys: facts for programs, lines for people."""

from datetime import datetime

from partners.models import ApiKey
from partners.services.keys import IssuedKey


def shown_once(issued: IssuedKey) -> list[str]:
    """Show a new key to the person who asked for it, with what to do now."""
    key = issued.key
    return [
        f"Key for {key.partner.name} ({key.partner.slug}), {key.environment}:",
        "",
        f"  {issued.plaintext}",
        "",
        f"  kid      {key.kid}",
        f"  scopes   {' '.join(key.scopes)}",
        f"  expires  {instant(key.expires_at)}",
        "",
        "It is shown this once: the service keeps only a digest. Hand it over through a secrets manager, not by mail or chat.",
    ]


def key_facts(key: ApiKey, *, is_genuine: bool | None) -> dict[str, object]:
    """Say everything about a key that is not secret. `is_genuine` is None when only its kid was given."""
    return {
        "kid": key.kid,
        "is_genuine": is_genuine,
        "status": key.status.value,
        "revoke_reason": key.revoke_reason,
        "partner": {
            "id": str(key.partner_id),
            "slug": key.partner.slug,
            "name": key.partner.name,
            "status": key.partner.status,
        },
        "environment": key.environment,
        "kind": key.kind,
        "name": key.name,
        "scopes": [scope.value for scope in key.scopes],
        "networks": key.networks or [],
        "generation": key.generation,
        "is_imported": key.is_imported,
        "pepper_id": key.pepper_id,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "grace_until": key.grace_until,
        "last_used_at": key.last_used_at,
        "last_used_network": key.last_used_network,
    }


def key_lines(key: ApiKey, *, is_genuine: bool | None) -> list[str]:
    """The same for people."""
    lines = [
        f"{key.masked}  {key.status.label}",
        f"  partner    {key.partner.name} ({key.partner.slug}, {key.partner.get_status_display().lower()})",
        f"  name       {key.name}",
        f"  scopes     {' '.join(key.scopes)}",
        f"  networks   {' '.join(key.networks or ['anywhere'])}",
        f"  issued     {instant(key.created_at)} by {key.created_by}, generation {key.generation}",
        f"  expires    {instant(key.expires_at)}",
        f"  last used  {instant(key.last_used_at)} {key.last_used_network or ''}".rstrip(),
    ]
    if is_genuine is False:
        lines.append("The text carries this kid but is not this key: mistyped, cut off or made up.")
    return lines


def instant(at: datetime | None) -> str:
    """Write an instant for people, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"
