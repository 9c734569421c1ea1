"""Customers' accounts, and whether a tenant's customers may sign in with a password at all."""

from uuid import UUID

from django.db import transaction

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor, Environment
from organizations.models import Profile
from partners.models import Partner
from surfaces.models import CustomerAccount, LoginPolicy
from surfaces.services.accounts import act_on, fresh
from surfaces.services.resellers import PasswordSet, checked_email, set_password, taking_email
from surfaces.token_errors import AccountNotFoundError


def create_customer(profile: Profile, *, email: str, actor: Actor) -> CustomerAccount:
    """Let a user sign in with a password, once one is set.

    Raises: EmailTakenError when another of this tenant's accounts has this e-mail address; InvalidRequestError when the user
    was removed or has an account already.
    """
    if profile.removed_at is not None:
        raise InvalidRequestError(details=[FieldProblem("profile", "This user was removed.")])
    if CustomerAccount.objects.filter(profile=profile).exists():
        raise InvalidRequestError(details=[FieldProblem("profile", "This user has an account already.")])
    account = CustomerAccount(
        partner_id=profile.partner_id,
        environment=profile.environment,
        profile=profile,
        email=checked_email(email),
        created_by=actor.label or actor.id,
    )
    with taking_email(), transaction.atomic():
        account.save(force_insert=True)
        record(act_on(account, EventType.ACCOUNT_CREATED, actor, data={"profile_id": str(profile.pk)}))
    return fresh(account)


def open_customer(profile: Profile, *, email: str, actor: Actor) -> PasswordSet:
    """Create an account with its first password, both or neither.

    Raises: EmailTakenError, InvalidRequestError.
    """
    with transaction.atomic():
        return set_password(create_customer(profile, email=email, actor=actor), reason="", actor=actor)


def find_profile(profile_id: UUID) -> Profile:
    """Find the user an account is for.

    Raises: AccountNotFoundError.
    """
    profile = Profile.objects.filter(pk=profile_id).first()
    if profile is None:
        raise AccountNotFoundError("No user has this id.", reason="unknown_profile")
    return profile


def allow_customer_passwords(
    partner: Partner, *, environment: Environment, allowed: bool, reason: str, actor: Actor
) -> LoginPolicy:
    """Say whether a tenant's customers may sign in with a password. Sessions that are open stay open. Safe to call twice."""
    with transaction.atomic():
        policy, _ = LoginPolicy.objects.select_for_update().get_or_create(partner=partner, environment=environment.value)
        if policy.allows_customer_passwords is not allowed:
            policy.allows_customer_passwords = allowed
            policy.save(update_fields=["allows_customer_passwords"])
            data = {"allows_customer_passwords": allowed}
            kind, subject = "partner", str(partner.pk)
            record(Act(EventType.LOGIN_POLICY_CHANGED, actor, partner.pk, environment.value, kind, subject, reason, data))
    return policy
