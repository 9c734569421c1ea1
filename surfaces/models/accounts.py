"""What gets tokens: resellers and their clients, customers and their sessions, and where each was right before."""

import uuid

from django.db import models
from django.db.models.functions import Lower, Now

from core.principals import Environment
from organizations.models import Profile
from partners.models import ENVIRONMENTS, Partner
from partners.scopes import ScopesField
from surfaces.querysets import (
    ClientSecretQuerySet,
    CustomerAccountQuerySet,
    KnownLoginQuerySet,
    LoginSessionQuerySet,
    ResellerAccountQuerySet,
    ResellerClientQuerySet,
)

# The longest text that Argon2 with our parameters makes, with room for stronger ones.
PASSWORD_HASH_CHARS = 160


def _known_environment(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name=name)


class ResellerAccount(models.Model):
    """An account of a partner that asks for Reseller tokens with e-mail and password.

    The published call names no tenant, so that an e-mail address means one account in the whole service. `epoch` is what
    every token carries and what is raised when the account's tokens must end.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="reseller_accounts")
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    email = models.EmailField()
    name = models.CharField(max_length=120, blank=True)
    # Argon2id with its parameters; empty while nobody has set one, and then no password is right.
    password = models.CharField(max_length=PASSWORD_HASH_CHARS, blank=True)
    password_set_at = models.DateTimeField(null=True, blank=True)
    scopes = ScopesField(default=0)
    is_api_enabled = models.BooleanField(default=True)
    epoch = models.PositiveIntegerField(default=0)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)

    objects = ResellerAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "reseller account"
        default_permissions = ("view",)
        permissions = [
            ("manage_reseller", "Can create reseller accounts and clients, and set their secrets"),
            ("disable_reseller", "Can disable reseller accounts and clients, and end their tokens"),
        ]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="reseller_email_once"),
            _known_environment("reseller_environment"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


class ResellerClient(models.Model):
    """A program of a partner that asks for Reseller tokens with a client id and secret (RFC 6749 §4.4)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_id = models.CharField(max_length=32, unique=True, db_collation="C")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="reseller_clients")
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    name = models.CharField(max_length=120)
    scopes = ScopesField(default=0)
    epoch = models.PositiveIntegerField(default=0)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)

    objects = ResellerClientQuerySet.as_manager()

    class Meta:
        verbose_name = "reseller client"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(client_id__regex=r"^rc_(live|test)_[0-9A-Za-z]{16}$"), name="client_id_form"
            ),
            _known_environment("client_environment"),
        ]

    def __str__(self) -> str:
        return self.client_id

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


class ClientSecret(models.Model):
    """A secret of a client, kept as a keyed digest; two may be good at once, so that it rotates without an outage."""

    client = models.ForeignKey(ResellerClient, on_delete=models.CASCADE, related_name="secrets")
    digest = models.BinaryField(max_length=32)
    pepper_id = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ClientSecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("digest", name="client_secret_once"),
            models.CheckConstraint(condition=models.Q(digest__length=32), name="client_secret_length"),
        ]

    def __str__(self) -> str:
        return f"secret {self.pk}"


class LoginPolicy(models.Model):
    """Whether a tenant's customers may sign in with a password; without a row they may not."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="login_policies", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    allows_customer_passwords = models.BooleanField(default=False)

    class Meta:
        verbose_name = "login policy"
        verbose_name_plural = "login policies"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("partner", "environment", name="login_policy_once"),
            _known_environment("login_policy_environment"),
        ]

    def __str__(self) -> str:
        return f"{self.environment} logins of {self.partner_id}"


class CustomerAccount(models.Model):
    """The password of an end customer: one account for one user, found by e-mail within the tenant's environment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="customer_accounts", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    profile = models.OneToOneField(Profile, on_delete=models.CASCADE, related_name="customer_account")
    email = models.EmailField()
    password = models.CharField(max_length=PASSWORD_HASH_CHARS, blank=True)
    password_set_at = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)

    objects = CustomerAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "customer account"
        default_permissions = ("view",)
        permissions = [
            ("manage_customer", "Can create customer accounts, set their passwords, and allow password logins"),
            ("disable_customer", "Can disable customer accounts and end their sessions"),
        ]
        constraints = [
            models.UniqueConstraint("partner", "environment", Lower("email"), name="customer_email_once"),
            _known_environment("customer_environment"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


class LoginOrigin(models.TextChoices):
    """What a customer proved to open a session."""

    PASSWORD = "password", "E-mail and password"
    PLAYER_TOKEN = "player", "A token of the partner's own issuer"


class LoginEnd(models.TextChoices):
    """Why a session ended, besides running out."""

    LOGOUT = "logout", "Signed out"
    REVOKED = "revoked", "Revoked"
    REFRESH_REUSED = "refresh_reused", "An outdated refresh token came back"


class LoginSession(models.Model):
    """A customer who signed in to the Storefront surface. Access tokens name it; revoking it ends them.

    A refresh token is `sessions_app.handles.Handle`: derived from its predecessor, kept as a digest of the one in use. A
    session opened by a player token has none: whoever wants to go on brings a new player token. Epochs are those of the
    moment it began; they are compared with the present ones on every use. Partner and profile carry no foreign key check on
    purpose, as with embed sessions.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="login_sessions")
    account = models.ForeignKey(
        CustomerAccount, on_delete=models.CASCADE, null=True, blank=True, related_name="sessions", db_index=False
    )
    origin = models.CharField(max_length=8, choices=LoginOrigin.choices)
    # The issuer whose token opened it, by id; issuers are never deleted.
    issuer_id = models.UUIDField(null=True, blank=True)
    partner_epoch = models.PositiveIntegerField()
    profile_epoch = models.PositiveIntegerField()
    account_epoch = models.PositiveIntegerField(default=0)
    pepper_id = models.PositiveSmallIntegerField(null=True)
    generation = models.PositiveIntegerField(default=0)
    handle_digest = models.BinaryField(max_length=32, null=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    # Never later than expires_at, so that one comparison decides both ends.
    idle_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, choices=LoginEnd.choices, blank=True, default="", db_default="")

    objects = LoginSessionQuerySet.as_manager()

    class Meta:
        verbose_name = "customer session"
        default_permissions = ("view",)
        permissions = [("revoke_loginsession", "Can revoke customer sessions")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(handle_digest=None, pepper_id=None)
                | models.Q(handle_digest__length=32, pepper_id__isnull=False),
                name="login_handle_whole",
            ),
            models.CheckConstraint(condition=models.Q(idle_expires_at__lte=models.F("expires_at")), name="login_idle_first"),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, end_reason="") | models.Q(ended_at__isnull=False) & ~models.Q(end_reason=""),
                name="login_ended_with_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(origin=LoginOrigin.PASSWORD, account__isnull=False)
                | models.Q(origin=LoginOrigin.PLAYER_TOKEN, account=None),
                name="login_origin_has_account",
            ),
            _known_environment("login_environment"),
        ]
        indexes = [models.Index("idle_expires_at", name="login_idle_expiry")]

    def __str__(self) -> str:
        return str(self.id)


class KnownLogin(models.Model):
    """An account and an address that were right together; both are kept as one keyed digest, which names neither.

    Whoever attacks from elsewhere, or through the same proxy, cannot use up what the limits leave to this pair.
    """

    digest = models.BinaryField(max_length=32, primary_key=True)
    last_at = models.DateTimeField(db_default=Now())

    objects = KnownLoginQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(digest__length=32), name="known_login_length")]
        indexes = [models.Index("last_at", name="known_login_age")]

    def __str__(self) -> str:
        return f"known since {self.last_at:%Y-%m-%d}"
