"""Forms of the console for the surfaces; each turns what staff typed into the arguments of one service."""

from typing import Any, Final

from django import forms

from audit.admin_actions import ReasonForm
from core.errors import ErrorFamily
from core.principals import Environment
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from partners.scopes import MEANINGS, Scope
from partners.services.partners import find_partner
from surfaces import rulebook
from surfaces.decisions import Question
from surfaces.explanation import headers_of
from surfaces.models import GatewayPolicy, Route
from surfaces.models.rules import MAX_PATTERN_CHARS
from surfaces.names import Dialect, Mechanism, Method, SurfaceName
from surfaces.services.routes import RouteSpec
from surfaces.services.surfaces import PolicySpec, SurfaceSpec

MAX_CREDENTIAL_CHARS: Final = 8192
SURFACES: Final = [(each.value, each.value.capitalize()) for each in SurfaceName]
METHODS: Final = [(each.value, each.value) for each in Method]
SCOPES: Final = [("", "None: any caller of the surface"), *((each.value, f"{each.value}: {MEANINGS[each]}") for each in Scope)]
ENVIRONMENTS: Final = [("test", "Test: sandbox data only"), ("live", "Live: real customers")]
SENT_AS: Final = [
    ("", "As its kind is documented to be sent"),
    ("bearer", "Authorization: Bearer"),
    ("apikey", "ApiKey"),
    ("x-api-key", "X-API-Key"),
    ("x-stash-api-key", "X-Stash-Api-Key"),
]
_MONO: Final = {"class": "sa-mono", "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}


def _mono() -> forms.TextInput:
    return forms.TextInput(attrs=_MONO)


class OptionalReasonForm(ReasonForm):
    """A reason that may be left out: the ledger has the change itself."""

    reason = forms.CharField(required=False, max_length=500, widget=forms.TextInput, help_text="Kept in the ledger.")


class PartnerField(forms.CharField):
    """A partner, by slug or id."""

    def __init__(self) -> None:
        super().__init__(max_length=63, label="Partner", help_text="Its slug or id.", widget=_mono())

    def clean(self, value: Any) -> Any:
        try:
            return find_partner(str(super().clean(value)).strip())
        except PartnerNotFoundError as error:
            raise forms.ValidationError("No partner has this slug or id.") from error


class RouteForm(OptionalReasonForm):
    """What a rule says."""

    field_order = ("surface", "method", "pattern", "scope", "calls_per_minute", "description", "reason")
    surface = forms.ChoiceField(choices=SURFACES)
    method = forms.ChoiceField(choices=METHODS, help_text="ANY covers the methods that have no rule of their own.")
    pattern = forms.CharField(
        max_length=MAX_PATTERN_CHARS,
        strip=True,
        label="Path",
        help_text="/Orders/Create, /Orders/{order} for any one segment, /Files/* for everything below. Letter case counts.",
        widget=_mono(),
    )
    scope = forms.ChoiceField(choices=SCOPES, required=False)
    calls_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=1_000_000, help_text="For each tenant and environment. Empty: no limit."
    )
    description = forms.CharField(required=False, max_length=200)

    def spec(self) -> RouteSpec:
        """The rule as the service wants it."""
        fields = self.cleaned_data
        return RouteSpec(
            surface=SurfaceName(fields["surface"]),
            method=Method(fields["method"]),
            pattern=fields["pattern"],
            scope=Scope(fields["scope"]) if fields["scope"] else None,
            calls_per_minute=fields["calls_per_minute"],
            description=fields["description"],
        )


class SurfaceForm(OptionalReasonForm):
    """How a surface is opened and how it refuses."""

    field_order = ("mechanism", "takes_player_tokens", "error_family", "is_enabled", "description", "reason")
    mechanism = forms.ChoiceField(
        choices=[(Mechanism.JWT.value, "Access token, as a bearer"), (Mechanism.API_KEY.value, "Surface API key")],
        widget=forms.RadioSelect,
        label="Opened by",
    )
    takes_player_tokens = forms.BooleanField(required=False, label="Takes player tokens of the tenants' own issuers")
    error_family = forms.ChoiceField(
        choices=[(ErrorFamily.PLATFORM.value, "Numbers (platform)"), (ErrorFamily.PARTNER.value, "Names (partner API)")],
        widget=forms.RadioSelect,
        label="Refuses in",
    )
    is_enabled = forms.BooleanField(required=False, label="Switched on")
    description = forms.CharField(required=False, max_length=200)

    def spec(self) -> SurfaceSpec:
        """The surface as the service wants it."""
        fields = self.cleaned_data
        return SurfaceSpec(
            mechanism=Mechanism(fields["mechanism"]),
            takes_player_tokens=fields["takes_player_tokens"],
            error_family=ErrorFamily(fields["error_family"]),
            is_enabled=fields["is_enabled"],
            description=fields["description"],
        )


class PolicyForm(OptionalReasonForm):
    """How one proxy asks."""

    field_order = ("name", "dialect", "surfaces", "audience", "is_enabled", "reason")
    name = forms.CharField(max_length=32, help_text="Stands in the proxy's configuration: /auth/verify/NAME.", widget=_mono())
    dialect = forms.ChoiceField(choices=[(each.value, each.value.capitalize()) for each in Dialect])
    surfaces = forms.MultipleChoiceField(
        choices=SURFACES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Whose rules may answer. None ticked: all of them.",
    )
    audience = forms.CharField(
        required=False, max_length=200, help_text="Whom the signed assertion is for. Empty: the policy's name.", widget=_mono()
    )
    is_enabled = forms.BooleanField(required=False, initial=True, label="Switched on")

    def spec(self, *, name: str = "") -> PolicySpec:
        """The policy as the service wants it; the name of one that exists stays."""
        fields = self.cleaned_data
        return PolicySpec(
            name=name or fields["name"],
            dialect=Dialect(fields["dialect"]),
            surfaces=[SurfaceName(each) for each in fields["surfaces"]],
            audience=fields["audience"],
            is_enabled=fields["is_enabled"],
        )


class EditPolicyForm(PolicyForm):
    """How one proxy asks, but for its name, which stands in the proxy's configuration."""

    name = None  # type: ignore[assignment]  # how Django takes a field away


class TenantForm(OptionalReasonForm):
    """Which tenant, in which environment."""

    partner = PartnerField()
    environment = forms.ChoiceField(choices=ENVIRONMENTS, widget=forms.RadioSelect, initial="test")

    def tenant(self) -> tuple[Partner, Environment]:
        """The partner and its environment."""
        return self.cleaned_data["partner"], Environment(self.cleaned_data["environment"])


class GrantForm(TenantForm):
    """What a tenant may use: a whole surface, or one route."""

    field_order = ("partner", "environment", "what", "reason")
    what = forms.ChoiceField(label="May use")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        routes = Route.objects.select_related("surface").order_by("surface_id", "pattern", "method")
        self.fields["what"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            ("Whole surfaces", [(f"{name}:", f"All of {label}") for name, label in SURFACES]),
            ("Single routes", [(f"{each.surface.name}:{each.pk}", f"{each.surface}: {each}") for each in routes]),
        ]

    def granted(self) -> tuple[SurfaceName, int | None]:
        """The surface, and the id of the route where it is about one alone."""
        surface, _, route = self.cleaned_data["what"].partition(":")
        return SurfaceName(surface), int(route) if route else None


class HostForm(TenantForm):
    """A host name for a tenant."""

    field_order = ("host", "partner", "environment", "reason")
    host = forms.CharField(max_length=253, help_text="Such as shop.example.com: no scheme, port or path.", widget=_mono())


class TestRequestForm(forms.Form):
    """A request to try. The credential is used for this one answer: it is neither kept nor shown again."""

    method = forms.ChoiceField(choices=METHODS[:-1], initial="POST")
    path = forms.CharField(max_length=4096, strip=False, initial="/Orders/Create", label="Path, not decoded", widget=_mono())
    host = forms.CharField(required=False, max_length=255, widget=_mono())
    tenant = forms.CharField(required=False, max_length=100, label="X-Tenant", widget=_mono())
    shop = forms.CharField(required=False, max_length=100, label="X-Shop-Handle", widget=_mono())
    address = forms.GenericIPAddressField(
        required=False, label="Caller's address", help_text="For keys that are bound to networks.", widget=_mono()
    )
    policy = forms.ModelChoiceField(
        GatewayPolicy.objects.order_by("name"),
        required=False,
        to_field_name="name",
        empty_label="This service itself",
        label="Asked by",
    )
    sent_as = forms.ChoiceField(choices=SENT_AS, required=False, label="Credential sent as")
    credential = forms.CharField(
        required=False,
        max_length=MAX_CREDENTIAL_CHARS,
        help_text="A key or token of the environment you test. Used for this one answer; never stored, logged or shown again.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "class": "sa-mono"}),
    )

    def what(self) -> list[forms.BoundField]:
        """What is asked."""
        return [self[name] for name in ("method", "path", "policy")]

    def who(self) -> list[forms.BoundField]:
        """By whom, from where."""
        return [self[name] for name in ("credential", "sent_as", "address")]

    def where(self) -> list[forms.BoundField]:
        """For which tenant."""
        return [self[name] for name in ("tenant", "shop", "host")]

    def question(self) -> Question:
        """The request as the rules see it."""
        fields = self.cleaned_data
        policy = rulebook.reload().policies.get(fields["policy"].name) if fields["policy"] else None
        return Question(
            method=fields["method"],
            path=fields["path"].partition("?")[0],
            headers=headers_of(fields["credential"], sent_as=fields["sent_as"]),
            address=fields["address"] or None,
            host=fields["host"],
            tenant=fields["tenant"].strip(),
            shop=fields["shop"].strip(),
            surfaces=policy.surfaces if policy else None,
        )
