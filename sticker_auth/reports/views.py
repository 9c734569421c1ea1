"""The REST door of reports."""

from typing import Any, ClassVar, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from core.errors import FieldProblem, InvalidRequestError, NotFoundError
from core.fields import validated
from core.principals import Principal
from core.responses import json_response
from partners.authentication import KeyedView, principal_of
from partners.limits import refused, take
from sticker_auth.reports.answers import as_csv, as_object
from sticker_auth.reports.numbers import Grouping, ReportName, Subject, make_report
from sticker_auth.reports.periods import MAX_DAYS, Period, period_of

REPORTS_PER_MINUTE: Final = 60
_JSON: Final = "application/json"
_CSV: Final = "text/csv"


class DayField(serializers.DateField):
    """A day of UTC, written 2026-01-31."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)


class ReportQuery(serializers.Serializer[Any]):
    group_by = serializers.ChoiceField(
        [each.value for each in Grouping], default=Grouping.DAY.value, help_text="For deliveries a key is an endpoint's id."
    )

    def get_fields(self) -> dict[str, Any]:
        days = {
            "from": DayField(required=False, help_text="The first day (UTC). Absent: thirty days up to the last."),
            "to": DayField(required=False, help_text=f"The last day, itself included; at most {MAX_DAYS} days. Absent: today."),
        }
        return {**days, **super().get_fields()}


class ReportAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    report = serializers.ChoiceField([each.value for each in ReportName])
    environment = serializers.ChoiceField(["live", "test"])
    to = serializers.DateField()
    group_by = serializers.ChoiceField([each.value for each in Grouping])
    rows = serializers.ListField(
        child=serializers.DictField(),
        help_text="`day`, or `key` and `name`, and the report's numbers. Days without any have zeros.",
    )
    totals = serializers.DictField(child=serializers.IntegerField())

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField(), **super().get_fields()}


class Reports(KeyedView):
    """What your keys, users and endpoints did."""

    required_scopes: ClassVar = {"GET": "reports:read"}

    @extend_schema(
        operation_id="report",
        summary="Read a report",
        parameters=[
            OpenApiParameter("report", OpenApiTypes.STR, OpenApiParameter.PATH, enum=[each.value for each in ReportName]),
            ReportQuery,
        ],
        responses={(200, _JSON): ReportAnswer, (200, _CSV): OpenApiTypes.STR},
    )
    def get(self, request: Request, report: str) -> HttpResponse:
        """Count handshakes, redemptions, uses of keys, or attempts at deliveries, by day or by key.

        Only what happened in the key's own environment is counted. With `Accept: text/csv` the same comes as CSV.
        """
        name, http, principal = _name_of(report), request._request, principal_of(request)
        period, grouping = _read_query(http)
        _take(principal)
        subject = Subject(principal.partner_id, principal.environment)
        made = make_report(name, subject=subject, period=period, grouping=grouping)
        if http.get_preferred_type([_JSON, _CSV]) == _CSV:
            return _csv_response(as_csv(made), f"{name}-{period.first}-{period.last}.csv")
        return json_response(as_object(made, subject=subject, period=period), headers={"Vary": "Accept"})


def _name_of(text: str) -> ReportName:
    if text not in set(ReportName):
        raise NotFoundError(f"There is no such report. There are: {', '.join(ReportName)}.")
    return ReportName(text)


def _read_query(http: HttpRequest) -> tuple[Period, Grouping]:
    given = {name: http.GET[name] for name in ("from", "to", "group_by") if name in http.GET}
    fields = validated(ReportQuery, given)
    try:
        period = period_of(fields.get("from"), fields.get("to"), today=timezone.now().date())
    except (ValueError, OverflowError) as error:
        raise InvalidRequestError(reason="field", details=[FieldProblem("from", str(error))]) from error
    return period, Grouping(fields["group_by"])


def _take(principal: Principal) -> None:
    verdict = take(f"report:{principal.partner_id}:{principal.environment.value}", limit=REPORTS_PER_MINUTE)
    if not verdict.is_allowed:
        raise refused(verdict)


def _csv_response(content: str, name: str) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Vary": "Accept", "Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=f"{_CSV}; charset=utf-8", headers=headers)
