"""The page that tries a request: which rule would decide it, by the very function that decides real ones."""

from typing import Any, Final

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from audit.admin_actions import ConsoleAction
from audit.admin_base import Fact
from audit.admin_display import badge, code
from core.principals import Actor
from surfaces.explanation import ExplainedStep, Explanation, explain
from surfaces.forms import METHODS, TestRequestForm

_TONES: Final = {"passed": "ok", "refused": "bad", "not reached": "plain"}


@method_decorator(sensitive_post_parameters("credential"), name="dispatch")
class TryRequest(ConsoleAction[TestRequestForm]):
    """Which rule would decide this request, and why. Changes nothing; a pasted credential lives in this one answer's making."""

    name = "try"
    label = "Which rule decides?"
    title = "Which rule would decide this request?"
    submit_label = "Decide"
    permission = "surfaces.view_route"
    is_on_row = False
    form_class = TestRequestForm
    panel_name = "surfaces/try.html"
    found: Explanation | None = None

    def make_form(self, **kwargs: Any) -> TestRequestForm:
        asked = self.request.GET
        initial = {name: asked[name] for name in ("method", "path") if asked.get(name)}
        if (initial.get("method"), "") not in [(value, "") for value, _ in METHODS[:-1]]:
            initial.pop("method", None)
        return super().make_form(initial=initial, **kwargs)

    def perform(self, form: TestRequestForm, actor: Actor) -> HttpResponse:
        self.found = explain(form.question())
        return self.ask(form)

    def show(self, panel: str, extra: dict[str, Any], *, status: int = 200) -> HttpResponse:
        return super().show(panel, {**extra, **(_answer(self.found) if self.found else {})}, status=status)


def _answer(found: Explanation) -> dict[str, Any]:
    steps = [Fact(step.title, _outcome(step)) for step in found.steps]
    error = found.decision.error
    if error is None:
        return {"verdict": badge("Let in", tone="ok"), "steps": steps, "told": []}
    told = [Fact("Status", code(error.status)), Fact("Number and name", code(f"{error.code} {error.slug}"))]
    told.append(Fact("Message", error.text))
    if "WWW-Authenticate" in error.headers:
        told.append(Fact("WWW-Authenticate", code(error.headers["WWW-Authenticate"])))
    return {"verdict": badge("Refused", tone="bad"), "steps": steps, "told": told}


def _outcome(step: ExplainedStep) -> SafeString:
    return format_html("{} {}", badge(step.state, tone=_TONES[step.state]), step.text)
