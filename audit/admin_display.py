"""Small pieces of HTML that the admin's lists and pages share; every text that comes from outside is escaped here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

NOTHING: Final = mark_safe('<span class="sa-quiet">-</span>')  # a constant
_UNITS: Final = (
    (timedelta(days=365), "y"),
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
)


def badge(text: object, *, tone: str = "plain", title: str = "") -> SafeString:
    """A short word in a coloured pill; the tones are plain, ok, info, warn, bad, live and test."""
    return format_html('<span class="sa-badge sa-{}" title="{}">{}</span>', tone, title, text)


def badges(items: Iterable[SafeString]) -> SafeString:
    """Several pills in one line that may wrap."""
    return format_html('<span class="sa-badges">{}</span>', format_html_join("", "{}", ((item,) for item in items)))


def environment_tag(environment: str) -> SafeString:
    """The tag that says live or test; nothing for a row that belongs to neither."""
    if not environment:
        return NOTHING
    meaning = "Real customers" if environment == "live" else "Sandbox"
    return badge(environment.upper(), tone=environment, title=meaning)


def code(text: object) -> SafeString:
    """A technical text in fixed width."""
    return format_html('<code class="sa-code">{}</code>', text) if text else NOTHING


def clipped(text: str) -> SafeString:
    """A text of one line, cut where its column ends and whole behind it."""
    return format_html('<span class="sa-clip" title="{0}">{0}</span>', text)


def stacked(main: object, below: object) -> SafeString:
    """Two lines in one cell, the second one quiet."""
    return format_html('<span class="sa-stack"><span>{}</span><span class="sa-quiet">{}</span></span>', main, below)


def link(text: object, view: str, *args: object) -> SafeString:
    """A link to another admin page; the bare text where that page does not exist."""
    try:
        return format_html('<a class="sa-link" href="{}">{}</a>', reverse(f"admin:{view}", args=args), text)
    except NoReverseMatch:
        return format_html("{}", text)


def moment(instant: datetime | None, *, empty: str = "-") -> SafeString:
    """An instant as people say it ("3 h ago", "in 12 d"), with the exact time behind it."""
    if instant is None:
        return format_html('<span class="sa-quiet">{}</span>', empty)
    exact = f"{instant:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', instant.isoformat(), exact, spoken(instant))


def exact_moment(instant: datetime | None, *, empty: str = "-") -> SafeString:
    """An instant in full, with how far away it is beside it."""
    if instant is None:
        return format_html('<span class="sa-quiet">{}</span>', empty)
    text = '<time datetime="{}">{}</time> <span class="sa-quiet">{}</span>'
    return format_html(text, instant.isoformat(), f"{instant:%Y-%m-%d %H:%M:%S} UTC", spoken(instant))


def spoken(instant: datetime) -> str:
    """How far an instant lies from now, in its largest unit."""
    distance = instant - timezone.now()
    is_past = distance < timedelta(0)
    for unit, name in _UNITS:
        if abs(distance) >= unit:
            count = round(abs(distance) / unit)
            return f"{count} {name} ago" if is_past else f"in {count} {name}"
    return "just now" if is_past else "in a moment"


def thousands(number: int) -> str:
    """A number with thin groups of three, as people read it."""
    return f"{number:,}".replace(",", "\u202f")
