"""What the demo needs in the database: a partner with sandbox keys, and a member of staff."""

import secrets
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from django.contrib.auth import get_user_model

from core.credentials import KeyKind, hash_key, key_digest
from core.keyring import pepper_ring
from core.principals import Actor, ActorKind, Environment
from partners.errors import KeyNotFoundError
from partners.models import KeyStatus, Partner, RevokeReason
from partners.scopes import Scope
from partners.services.keys import KeySpec, identify, issue_key, revoke_key
from partners.services.partners import create_partner, set_origins
from sticker_auth.local.demo_accounts import CUSTOMER_EMAIL, RESELLER_EMAIL, KnownPasswords, seed_accounts
from sticker_auth.local.demo_surfaces import seed_surfaces
from sticker_auth.local.facts import Facts

STAFF_USERNAME: Final = "staff"
SHOP_HANDLE: Final = "demo-shop"
ORGANIZATION_ID: Final = "demo-organization"
USER_ID: Final = "demo-user"
_ACTOR: Final = Actor(ActorKind.COMMAND, "make run", "Demo data")
_KEY_NAMES: Final = {KeyKind.SECRET: "Demo backend", KeyKind.SURFACE: "Demo integration"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a run's parts listen."""

    base_url: str
    embed_base_url: str
    demo_url: str
    gateway_url: str


def seed(addresses: Addresses, *, before: Facts | None) -> Facts:
    """Make what the demo needs and does not have; credentials of an earlier run that still work are kept."""
    partner = Partner.objects.filter(slug=SHOP_HANDLE).first()
    if partner is None:
        partner = create_partner("Demo Shop", slug=SHOP_HANDLE, actor=_ACTOR)
    _allow_origin(partner, addresses.demo_url, before=before)
    seed_surfaces(partner, actor=_ACTOR)
    known = KnownPasswords(before.reseller_password, before.customer_password) if before else KnownPasswords()
    accounts = seed_accounts(partner, known=known, actor=_ACTOR)
    return Facts(
        base_url=addresses.base_url,
        admin_url=f"{addresses.base_url}/admin/",
        docs_url=f"{addresses.base_url}/docs/",
        demo_url=addresses.demo_url,
        gateway_url=addresses.gateway_url,
        staff_username=STAFF_USERNAME,
        staff_password=_staff_password(before),
        partner_id=str(partner.pk),
        shop_handle=partner.slug,
        api_key=_key(partner, kind=KeyKind.SECRET, kept=before.api_key if before else ""),
        surface_api_key=_key(partner, kind=KeyKind.SURFACE, kept=before.surface_api_key if before else ""),
        organization_id=ORGANIZATION_ID,
        internal_user_id=USER_ID,
        reseller_email=RESELLER_EMAIL,
        reseller_password=accounts.reseller,
        customer_email=CUSTOMER_EMAIL,
        customer_password=accounts.customer,
    )


def _allow_origin(partner: Partner, demo_url: str, *, before: Facts | None) -> None:
    """Let the demo page frame us in the test environment, in the place of where it stood before."""
    registered = partner.origins.filter(environment=Environment.TEST).values_list("origin", flat=True)
    former = {before.demo_url.rstrip("/")} if before else set()
    wanted = {*registered} - former | {demo_url.rstrip("/")}
    set_origins(partner.pk, environment=Environment.TEST, origins=sorted(wanted), actor=_ACTOR)


def _key(partner: Partner, *, kind: KeyKind, kept: str) -> str:
    """Return a key that works: the one kept, else a new one in the place of those issued here before."""
    if kept and _works(partner, kept):
        return kept
    for key in partner.keys.filter(name=_KEY_NAMES[kind], revoked_at=None):
        revoke_key(key.pk, reason=RevokeReason.SUPERSEDED, comment="Issued anew for the demo.", actor=_ACTOR)
    spec = KeySpec(environment=Environment.TEST, kind=kind, name=_KEY_NAMES[kind], scopes=list(Scope))
    return issue_key(partner, spec=spec, actor=_ACTOR).plaintext


def _works(partner: Partner, text: str) -> bool:
    try:
        key = identify(text)
    except KeyNotFoundError:
        return False
    pepper = pepper_ring().get(key.pepper_id)
    is_ours = key.partner_id == partner.pk and key.status == KeyStatus.ACTIVE
    return is_ours and pepper is not None and compare_digest(bytes(key.digest), key_digest(pepper, hash_key(text)))


def _staff_password(before: Facts | None) -> str:
    """Return the password of the demo's member of staff, which is set anew unless an earlier run's is known."""
    users = get_user_model().objects
    staff = users.filter(username=STAFF_USERNAME).first()
    if before and staff:
        return before.staff_password
    password = secrets.token_urlsafe(15)
    if staff is None:
        users.create_superuser(STAFF_USERNAME, email="", password=password)
    else:
        staff.set_password(password)
        staff.save(update_fields=["password"])
    return password
