"""The rules as rows: surfaces, their routes, who is entitled, which host is whose, and the version of it all."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.errors import ErrorFamily
from core.principals import Environment
from partners.models import ENVIRONMENTS, Partner
from surfaces.names import Dialect, Mechanism, Method, SurfaceName

MAX_PATTERN_CHARS = 200
HOST_FORM = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class Rulebook(models.Model):
    """The one row whose version changes with every edit of a rule, in the edit's own transaction.

    A version equals only itself: it is random, so that neither a rolled-back edit nor a restored backup can bring a number
    back with other rules behind it. `edits` counts for people.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField()
    edits = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="rulebook_is_one")]

    def __str__(self) -> str:
        return f"rulebook, edit {self.edits}"


class Surface(models.Model):
    """One of the four surfaces: what opens it, and in which family of bodies it refuses."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    name = models.CharField(max_length=16, unique=True, choices=[(each.value, each.value.capitalize()) for each in SurfaceName])
    mechanism = models.CharField(
        max_length=8,
        choices=[(Mechanism.JWT.value, "Access token (Bearer)"), (Mechanism.API_KEY.value, "Surface API key")],
    )
    # Whether a token that a partner's own issuer signed opens it too.
    takes_player_tokens = models.BooleanField(default=False)
    error_family = models.CharField(
        max_length=8,
        choices=[(ErrorFamily.PLATFORM.value, "Platform (numbers)"), (ErrorFamily.PARTNER.value, "Partner (names)")],
    )
    description = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        default_permissions = ("view",)
        permissions = [("edit_rules", "Can edit the rules of the surfaces")]
        constraints = [
            models.CheckConstraint(condition=models.Q(name__in=list(SurfaceName)), name="surface_name_known"),
            models.CheckConstraint(condition=models.Q(mechanism__in=list(Mechanism)), name="surface_mechanism_known"),
            models.CheckConstraint(condition=models.Q(error_family__in=list(ErrorFamily)), name="surface_family_known"),
        ]

    def __str__(self) -> str:
        return self.get_name_display()


class Route(models.Model):
    """A rule: requests of this method and path belong to that surface and need this scope.

    `shape` is the pattern as it is matched (`surfaces.paths`): in lower case, parameters without their names. No two rules of
    one method share a shape, so that which rule decides is never a matter of order. A disabled rule still matches, and denies.
    """

    surface = models.ForeignKey(Surface, on_delete=models.PROTECT, related_name="routes")
    method = models.CharField(max_length=7, choices=[(each.value, each.value) for each in Method])
    pattern = models.CharField(max_length=MAX_PATTERN_CHARS)
    shape = models.CharField(max_length=MAX_PATTERN_CHARS, editable=False)
    # A name of `partners.scopes.Scope`; empty where any caller of the surface may pass.
    scope = models.CharField(max_length=32, blank=True)
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    description = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint("method", "shape", name="route_once"),
            models.CheckConstraint(condition=models.Q(method__in=list(Method)), name="route_method_known"),
            models.CheckConstraint(condition=models.Q(pattern__startswith="/"), name="route_pattern_rooted"),
            models.CheckConstraint(
                condition=models.Q(calls_per_minute=None) | models.Q(calls_per_minute__gte=1), name="route_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}"


class Entitlement(models.Model):
    """A tenant may use a surface in one environment: all of it, or one route. None by default."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="entitlements", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    surface = models.ForeignKey(Surface, on_delete=models.PROTECT, related_name="entitlements")
    route = models.ForeignKey(Route, on_delete=models.PROTECT, null=True, blank=True, related_name="entitlements")
    granted_at = models.DateTimeField(db_default=Now(), editable=False)
    granted_by = models.CharField(max_length=150, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("grant_entitlement", "Can entitle tenants to surfaces"),
            ("withdraw_entitlement", "Can withdraw entitlements"),
        ]
        constraints = [
            models.UniqueConstraint(
                "partner", "environment", "surface", name="entitlement_surface_once", condition=models.Q(route=None)
            ),
            models.UniqueConstraint(
                "partner", "environment", "route", name="entitlement_route_once", condition=models.Q(route__isnull=False)
            ),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="entitlement_environment"),
        ]
        indexes = [models.Index("partner", "environment", name="entitlement_tenant")]

    def __str__(self) -> str:
        return f"entitlement {self.pk}"


class TenantHost(models.Model):
    """A host name that belongs to one tenant in one environment: requests to it ask for that tenant."""

    host = models.CharField(max_length=253, unique=True)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="tenant_hosts")
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=models.Q(host__regex=HOST_FORM), name="tenant_host_form"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="tenant_host_environment"),
        ]

    def __str__(self) -> str:
        return self.host


class GatewayPolicy(models.Model):
    """How one proxy asks: its dialect, the surfaces whose rules may answer it, and whom the signed assertion is for."""

    name = models.SlugField(max_length=32, unique=True)
    dialect = models.CharField(max_length=8, choices=[(each.value, each.value.capitalize()) for each in Dialect])
    # The numbers of the surfaces (`SurfaceNumber`) whose rules this policy uses; empty for all of them.
    surfaces = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    audience = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "gateway policy"
        verbose_name_plural = "gateway policies"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=models.Q(dialect__in=list(Dialect)), name="policy_dialect_known"),
            models.CheckConstraint(condition=models.Q(name__regex=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"), name="policy_name_form"),
        ]

    def __str__(self) -> str:
        return self.name
