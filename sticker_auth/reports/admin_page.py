"""The staff's page of reports: the numbers a partner reads over REST, with plots, for one partner and environment at a time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.admin_base import Section, Table, allows
from audit.admin_display import NOTHING, code, thousands
from core.principals import Environment
from partners.admin.usage_plot import Plot
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from partners.services.partners import find_partner
from sticker_auth.reports.numbers import Grouping, Number, Report, ReportName, Subject, make_report
from sticker_auth.reports.periods import Period
from sticker_auth.reports.plots import plot_of

PERMISSION: Final = "partners.view_keyusage"
TITLES: Final = {
    ReportName.HANDSHAKES: "Handshakes",
    ReportName.REDEMPTIONS: "Redemptions",
    ReportName.KEY_USAGE: "Use of keys",
    ReportName.DELIVERIES: "Attempts at deliveries",
}
_DAYS: Final = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "A year")]


class ReportForm(forms.Form):
    """Whose reports, and how far back."""

    partner = forms.CharField(max_length=64, label="Partner", help_text="Slug or id")
    environment = forms.ChoiceField(choices=[(each.value, each.value) for each in Environment])
    days = forms.TypedChoiceField(choices=_DAYS, coerce=int, label="Back")

    def clean_partner(self) -> Partner:
        try:
            return find_partner(self.cleaned_data["partner"].strip())
        except PartnerNotFoundError as error:
            raise forms.ValidationError("There is no such partner.") from error


@dataclass(frozen=True, slots=True)
class Shown:
    """One report as the page shows it."""

    plot: Plot
    section: Section


def reports_page(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """The form, and the reports once a partner is named.

    Raises: PermissionDenied for staff who may not see the use of keys.
    """
    if not allows(request, PERMISSION):
        raise PermissionDenied
    usual = {"environment": Environment.LIVE.value, "days": "30"}
    form = ReportForm({**usual, **request.GET.dict()}) if "partner" in request.GET else ReportForm(initial=usual)
    request.current_app = site.name
    context = {**site.each_context(request), "title": "Reports", "form": form, "reports": [], "partner": None}
    if form.is_bound and form.is_valid():
        context |= {"reports": _reports(form.cleaned_data), "partner": form.cleaned_data["partner"]}
    return TemplateResponse(request, "reports/page.html", context)


def _reports(fields: dict[str, Any]) -> list[Shown]:
    today = timezone.now().date()
    period = Period(today - timedelta(days=fields["days"] - 1), today)
    subject = Subject(fields["partner"].pk, Environment(fields["environment"]))
    return [_shown(name, subject, period) for name in ReportName]


def _shown(name: ReportName, subject: Subject, period: Period) -> Shown:
    by_day = make_report(name, subject=subject, period=period, grouping=Grouping.DAY)
    by_key = make_report(name, subject=subject, period=period, grouping=Grouping.KEY)
    group = "endpoint" if name is ReportName.DELIVERIES else "key"
    table = Table([group.capitalize(), "Name", *map(_heading, by_key.columns)], _rows(by_key), empty="Nothing in this time.")
    return Shown(plot_of(by_day, title=TITLES[name]), Section(f"{TITLES[name]} by {group}", table=table))


def _rows(report: Report) -> list[list[str | SafeString]]:
    return [[code(row.group) if row.group else NOTHING, row.name, *map(_cell, row.values)] for row in report.rows]


def _cell(value: Number) -> str | SafeString:
    return NOTHING if value is None else thousands(int(value))


def _heading(column: str) -> str:
    return column.replace("_", " ").capitalize()
