"""One act of staff as a page: GET asks, naming what will happen, and changes nothing; POST acts, by one service call.

The same page opens as a dialog when the console's script asks for it, and works without any script.
"""

from typing import Any, ClassVar, Final, Generic, TypeVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from audit.admin_base import Button, ConsoleAdmin, Fact, allows, staff_actor
from core.errors import StickerError
from core.principals import Actor

DIALOG_HEADER: Final = "HTTP_X_CONSOLE_DIALOG"
LOCATION_HEADER: Final = "X-Console-Location"
F = TypeVar("F", bound=forms.Form)


@method_decorator(never_cache, name="dispatch")
class ConsoleAction(View, Generic[F]):
    """Base of all acts. A subclass names itself, its permission and its form, and performs the act in `perform`."""

    http_method_names = ["get", "post", "head"]
    admin: ConsoleAdmin = None  # type: ignore[assignment]  # given by as_view
    name: ClassVar[str]
    label: ClassVar[str]
    title: ClassVar[str]
    submit_label: ClassVar[str]
    permission: ClassVar[str]
    tone: ClassVar[str] = "primary"
    is_on_row: ClassVar[bool] = True
    # The card of the row's page that carries the button; empty for the page's own bar.
    section: ClassVar[str] = ""
    has_page: ClassVar[bool] = True
    is_download: ClassVar[bool] = False
    form_class: type[F]
    template_name: ClassVar[str] = "admin/console/action.html"
    panel_name: ClassVar[str] = "admin/console/panel.html"

    @classmethod
    def route(cls) -> str:
        """The address of the act below its model's own."""
        return f"<path:object_id>/{cls.name}/" if cls.is_on_row else f"{cls.name}/"

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Any) -> bool:
        """Tell whether the act makes sense for a row, so that its button shows."""
        return True

    @classmethod
    def button(cls, admin: ConsoleAdmin, request: HttpRequest, row: Any = None) -> Button:
        """The button that opens the act."""
        args = [admin.object_id(row)] if cls.is_on_row else []
        url = reverse(f"admin:{admin.url_name(cls.name)}", args=args)
        return Button(cls.label, url, tone="danger" if cls.tone == "danger" else "plain", section=cls.section)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not allows(request, self.permission):
            raise PermissionDenied
        self.row = self.admin.find(request, kwargs["object_id"]) if self.is_on_row else None
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        return self.ask(self.make_form())

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        form = self.make_form(data=request.POST)
        if not form.is_valid():
            return self.ask(form)
        try:
            return self.perform(form, staff_actor(request))
        except StickerError as error:
            self.refuse(form, error)
            return self.ask(form)

    def perform(self, form: F, actor: Actor) -> HttpResponse:
        """Act, by one service call, and say what to show next."""
        raise NotImplementedError

    def make_form(self, **kwargs: Any) -> F:
        """The act's form, empty or filled with what was sent."""
        return self.form_class(**kwargs)

    def facts(self) -> list[Fact]:
        """What the member of staff should know before acting, for example what will break."""
        return []

    def warnings(self) -> list[str]:
        """What cannot be undone, or ends at once."""
        return []

    def back_url(self) -> str:
        """Where Cancel leads."""
        if self.row is None:
            return reverse(f"admin:{self.admin.url_name('changelist')}")
        return reverse(f"admin:{self.admin.url_name('change')}", args=[self.admin.object_id(self.row)])

    def heading(self) -> str:
        """The title of the page or dialog."""
        return self.title

    def refuse(self, form: F, error: StickerError) -> None:
        """Put a service's refusal into the form, beside the field it speaks of where there is one."""
        for problem in error.details:
            form.add_error(problem.field if problem.field in form.fields else None, problem.message)
        if not error.details:
            form.add_error(None, error.text)

    def ask(self, form: F) -> HttpResponse:
        """Show the form with everything that should be known before it is sent."""
        extra = {
            "form": form,
            "facts": self.facts(),
            "warnings": self.warnings(),
            "submit_label": self.submit_label,
            "tone": self.tone,
            "is_download": self.is_download,
            "back_url": self.back_url(),
            "action_url": self.request.get_full_path(),
        }
        return self.show(self.panel_name, extra)

    def show(self, panel: str, extra: dict[str, Any], *, status: int = 200) -> HttpResponse:
        """Answer with a panel: alone for the dialog, within the whole page otherwise."""
        context = {**self.admin.page_context(self.request, self.heading()), "panel": panel, "row": self.row, **extra}
        is_dialog = DIALOG_HEADER in self.request.META
        return TemplateResponse(self.request, panel if is_dialog else self.template_name, context, status=status)

    def done(self, url: str, message: str) -> HttpResponse:
        """Say that it happened, and go where the result can be seen. Never for an answer that carries a secret."""
        messages.success(self.request, message)
        if DIALOG_HEADER in self.request.META:
            return HttpResponse(status=204, headers={LOCATION_HEADER: url})
        return HttpResponseRedirect(url)


class ReasonForm(forms.Form):
    """Why: kept in the ledger for good, so it should help whoever reads it in a year."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the ledger. A ticket number and one sentence is best; never paste a key here.",
    )


def confirmation_field(expected: str, *, what: str) -> forms.CharField:
    """A field that must repeat a name, so that nobody ends the wrong thing by habit."""

    def check(value: str) -> None:
        if value.strip() != expected:
            raise forms.ValidationError(f"This is not the {what}. Type {expected} to confirm.")

    attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "data-confirm": expected}
    return forms.CharField(
        label=f"Type the {what} to confirm",
        help_text=expected,
        validators=[check],
        widget=forms.TextInput(attrs=attrs),
    )
