"""The gateway's policies: how each proxy asks, by which rules it is answered, and the configuration it needs."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction
from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table, allows
from audit.admin_display import badge, badges, code, link, moment, thousands
from audit.event_display import subject_link
from audit.models import Event
from core.principals import Actor
from surfaces.admin.display import SwitchFilter, state_badge
from surfaces.forms import EditPolicyForm, PolicyForm
from surfaces.gateway.checking import place_of
from surfaces.gateway.configurations import FILE_NAMES, configuration
from surfaces.models import GatewayPolicy
from surfaces.names import Dialect, SurfaceName
from surfaces.services.surfaces import create_policy, update_policy

_LATELY: Final = timedelta(hours=24)
_REFUSALS_SHOWN: Final = 20


class CreatePolicy(ConsoleAction[PolicyForm]):
    """A way for one more proxy to ask."""

    name = "create"
    label = "New policy"
    title = "New policy"
    submit_label = "Create policy"
    permission = "surfaces.edit_rules"
    is_on_row = False
    form_class = PolicyForm

    def perform(self, form: PolicyForm, actor: Actor) -> HttpResponse:
        policy = create_policy(form.spec(), reason=form.cleaned_data["reason"], actor=actor)
        return self.done(reverse("admin:surfaces_gatewaypolicy_change", args=[policy.pk]), f"{policy} answers now.")


class EditPolicy(ConsoleAction[EditPolicyForm]):
    """Change how a proxy asks."""

    name = "edit"
    label = "Edit"
    title = "Edit"
    submit_label = "Save"
    permission = "surfaces.edit_rules"
    form_class = EditPolicyForm
    row: GatewayPolicy

    def heading(self) -> str:
        return f"Edit {self.row.name}"

    def warnings(self) -> list[str]:
        return ["A proxy that asks in another dialect than its policy's is refused, from its next request on."]

    def make_form(self, **kwargs: Any) -> EditPolicyForm:
        row = self.row
        chosen = [each.value for each in SurfaceName if each.number in row.surfaces]
        initial = {"dialect": row.dialect, "surfaces": chosen, "audience": row.audience, "is_enabled": row.is_enabled}
        return super().make_form(initial=initial, **kwargs)

    def perform(self, form: EditPolicyForm, actor: Actor) -> HttpResponse:
        spec = form.spec(name=self.row.name)
        policy = update_policy(self.row.pk, spec=spec, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{policy} was saved.")


@admin.register(GatewayPolicy)
class GatewayPolicyAdmin(ConsoleAdmin):
    list_display = ("policy", "state", "dialect_name", "answered_by", "assertion_for")
    list_filter = (SwitchFilter,)
    search_fields = ("name",)
    ordering = ("name",)
    page_template = "surfaces/policy.html"
    console_actions: ClassVar = (CreatePolicy, EditPolicy)

    @admin.display(description="Policy", ordering="name")
    def policy(self, row: GatewayPolicy) -> SafeString:
        return code(row.name)

    @admin.display(description="State")
    def state(self, row: GatewayPolicy) -> SafeString:
        return state_badge(is_enabled=row.is_enabled)

    @admin.display(description="Dialect", ordering="dialect")
    def dialect_name(self, row: GatewayPolicy) -> str:
        return row.get_dialect_display()

    @admin.display(description="Answered by the rules of")
    def answered_by(self, row: GatewayPolicy) -> SafeString:
        chosen = [each.value.capitalize() for each in SurfaceName if each.number in row.surfaces] or ["All surfaces"]
        return badges(badge(each) for each in chosen)

    @admin.display(description="Assertion for")
    def assertion_for(self, row: GatewayPolicy) -> SafeString:
        return code(row.audience or row.name)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.find(request, object_id)
        dialect = Dialect(row.dialect)
        text = configuration(dialect, policy=row.name, gateway_url=settings.GATEWAY_URL)
        extra = {"configuration": text, "file_name": FILE_NAMES[dialect], **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def dossier(self, request: HttpRequest, row: GatewayPolicy) -> Dossier:
        facts = [
            Fact("Asked at", code(f"{settings.GATEWAY_URL}/auth/verify/{row.name}")),
            Fact("Dialect", row.get_dialect_display()),
            Fact("Answered by the rules of", self.answered_by(row)),
            Fact("Signed assertion for", self.assertion_for(row)),
        ]
        return Dossier(
            title=row.name,
            tags=[state_badge(is_enabled=row.is_enabled)],
            sections=[Section("Policy", facts, is_wide=True), *self.refusals(request, row)],
            warnings=[] if row.is_enabled else ["Switched off: every question under this policy is answered no."],
            ledger=Event.objects.about("gateway_policy", row.name).newest_first(),
            ledger_url=f"?subject={row.name}",
        )

    def refusals(self, request: HttpRequest, row: GatewayPolicy) -> list[Section]:
        """What this policy's proxies were refused lately, for staff who may see the ledger."""
        if not allows(request, "audit.view_event"):
            return []
        lately = Event.objects.told_at(place_of(row.name)).since(timezone.now() - _LATELY).newest_first()
        rows: list[list[str | SafeString]] = [
            [
                link(moment(each.recorded_at), "audit_event_change", each.pk),
                code(each.data.get("slug", "")),
                each.reason,
                subject_link(each),
                code(each.data.get("network") or "-"),
                thousands(each.count),
            ]
            for each in lately[:_REFUSALS_SHOWN]
        ]
        table = Table(["When", "Told as", "Why", "Key", "From", "Times"], rows, empty="None in the last 24 hours.")
        return [Section("Recent refusals", table=table, is_wide=True)]
