"""How a key looks to staff: its status, its scopes, when it ends, and what is risky about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_display import NOTHING, badge, badges, code, link, moment
from core.principals import Environment
from partners.models import ApiKey, KeyStatus
from partners.scopes import MEANINGS, Scope

IDLE_AFTER: Final = timedelta(days=90)
EXPIRES_SOON: Final = timedelta(days=30)
MANY_SCOPES: Final = 9
_TONES: Final = {
    KeyStatus.ACTIVE: "ok",
    KeyStatus.GRACE: "warn",
    KeyStatus.PAUSED: "warn",
    KeyStatus.EXPIRED: "plain",
    KeyStatus.REVOKED: "bad",
    KeyStatus.COMPROMISED: "bad",
}
_ALIVE: Final = (KeyStatus.ACTIVE, KeyStatus.GRACE, KeyStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Risk:
    """Something about a usable key that staff should look at: a word for the list, a sentence for the page."""

    word: str
    sentence: str


def is_alive(key: ApiKey) -> bool:
    """Tell whether the key works now, or would once it is resumed."""
    return key.status in _ALIVE


def status_badge(key: ApiKey) -> SafeString:
    """The key's status in its colour."""
    status = key.status
    until = f"Works until {key.grace_until:%Y-%m-%d %H:%M} UTC" if status is KeyStatus.GRACE and key.grace_until else ""
    reason = key.get_revoke_reason_display() if key.revoked_at else ""
    return badge(status.label, tone=_TONES[status], title=until or reason)


def kid_text(key: ApiKey) -> SafeString:
    """The kid, with the prefix a log line would show behind it."""
    return format_html('<code class="sa-code sa-kid" title="{}">{}</code>', key.masked, key.kid)


def key_link(key: ApiKey) -> SafeString:
    """The kid as a link to the key's page."""
    return link(kid_text(key), "partners_apikey_change", key.kid)


def expiry(key: ApiKey) -> SafeString:
    """When the key ends, or ended."""
    if key.revoked_at:
        return format_html('<span class="sa-quiet">ended {}</span>', moment(key.revoked_at))
    ends = [end for end in (key.expires_at, key.grace_until) if end]
    if not ends:
        return badge("never", tone="warn", title="This key has no end")
    end = min(ends)
    is_soon = timezone.now() < end <= timezone.now() + EXPIRES_SOON
    return format_html('<span class="{}">{}</span>', "sa-soon" if is_soon else "", moment(end))


def scope_summary(key: ApiKey) -> SafeString:
    """How many scopes, with the list of them behind the number."""
    names = ", ".join(scope.value for scope in key.scopes)
    if not key.scopes:
        return badge("none", tone="warn", title="This key may do nothing but ask who it is")
    count = len(key.scopes)
    return format_html('<span class="sa-nowrap" title="{}">{} scope{}</span>', names, count, "" if count == 1 else "s")


def scope_rows(scopes: list[Scope]) -> list[list[str | SafeString]]:
    """Each scope with its meaning."""
    return [[code(scope.value), MEANINGS[scope]] for scope in scopes]


def risks(key: ApiKey, now: datetime) -> list[Risk]:
    """What is risky about a key that could still be used; nothing for one that is over."""
    if not is_alive(key):
        return []
    found = []
    if key.expires_at is None and key.grace_until is None:
        found.append(
            Risk("no expiry", "It never expires: a copy that leaked years ago still works. Rotate it to give it an end.")
        )
    if (key.last_used_at or key.created_at) < now - IDLE_AFTER:
        found.append(Risk("idle", "Nobody has used it for 90 days. Revoke it, or ask the partner what it is for."))
    if not key.networks and key.environment == Environment.LIVE:
        found.append(Risk("any network", "It works from any address. Add the partner's networks."))
    if len(key.scopes) >= MANY_SCOPES:
        found.append(Risk("wide", f"It carries {len(key.scopes)} scopes. Issue narrower keys, one for each purpose."))
    return found


def risk_badges(key: ApiKey) -> SafeString:
    """The risks as words in a list."""
    found = risks(key, timezone.now())
    return badges(badge(risk.word, tone="warn", title=risk.sentence) for risk in found) if found else NOTHING
