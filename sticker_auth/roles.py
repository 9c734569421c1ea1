"""The roles of staff, kept as groups: what each may see and do. A person may hold several."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions

APPS: Final = ("auth", "audit", "partners", "organizations", "sessions_app", "surfaces", "webhooks")


class Role(StrEnum):
    VIEWER = "Viewer"
    SUPPORT = "Support"
    ISSUER = "Issuer"
    RESPONDER = "Responder"
    AUDITOR = "Auditor"


MEANINGS: Final[dict[Role, str]] = {
    Role.VIEWER: "Looks at everything but personal data of the ledger; changes nothing.",
    Role.SUPPORT: (
        "Rotates, pauses and resumes keys; tests, pauses and rotates webhook endpoints, and replays deliveries; has"
        " organizations synced, pauses and resumes their sync, and makes links to connect them."
    ),
    Role.ISSUER: (
        "Creates and edits partners, issues and imports keys, edits their names and networks; adds and edits webhook endpoints;"
        " edits the surfaces' rules and hosts, entitles tenants, and registers issuers of player tokens with their keys;"
        " creates resellers' and customers' accounts and clients, and sets their passwords and secrets; configures OAuth"
        " providers."
    ),
    Role.RESPONDER: (
        "Revokes keys and sessions, withdraws entitlements, disables accounts, clients, webhook endpoints and player issuers,"
        " ends their keys and tokens, disconnects organizations from their OAuth provider,"
        " suspends partners, and ends everything of a partner in an emergency."
    ),
    Role.AUDITOR: "Reads and exports the ledger with addresses and user agents, and sees who holds which role.",
}
_SEES: Final = (
    "audit.view_event",
    "partners.view_partner",
    "partners.view_apikey",
    "partners.view_keyusage",
    "organizations.view_organization",
    "organizations.view_profile",
    "organizations.view_oauthgrant",
    "organizations.view_oauthprovider",
    "sessions_app.view_sessiontoken",
    "sessions_app.view_embedsession",
    "surfaces.view_surface",
    "surfaces.view_route",
    "surfaces.view_entitlement",
    "surfaces.view_tenanthost",
    "surfaces.view_gatewaypolicy",
    "surfaces.view_product",
    "surfaces.view_order",
    "surfaces.view_payment",
    "surfaces.view_playerissuer",
    "surfaces.view_reselleraccount",
    "surfaces.view_resellerclient",
    "surfaces.view_customeraccount",
    "surfaces.view_loginsession",
    "webhooks.view_endpoint",
    "webhooks.view_delivery",
)
GRANTS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.VIEWER: _SEES,
    Role.SUPPORT: (
        *_SEES,
        "organizations.operate_oauthgrant",
        "partners.rotate_apikey",
        "webhooks.operate_endpoint",
        "webhooks.rotate_endpointsecret",
        "webhooks.replay_delivery",
    ),
    Role.ISSUER: (
        *_SEES,
        "partners.add_partner",
        "partners.change_partner",
        "partners.issue_apikey",
        "organizations.configure_oauthprovider",
        "surfaces.edit_rules",
        "surfaces.grant_entitlement",
        "surfaces.manage_playerissuer",
        "surfaces.manage_reseller",
        "surfaces.manage_customer",
        "webhooks.manage_endpoint",
    ),
    Role.RESPONDER: (
        *_SEES,
        "audit.view_eventcontext",
        "organizations.disconnect_oauthgrant",
        "partners.revoke_apikey",
        "partners.suspend_partner",
        "partners.emergency_revoke_partner",
        "sessions_app.revoke_sessiontoken",
        "surfaces.withdraw_entitlement",
        "surfaces.stop_playerissuer",
        "surfaces.disable_reseller",
        "surfaces.disable_customer",
        "surfaces.revoke_loginsession",
        "webhooks.disable_endpoint",
    ),
    Role.AUDITOR: (*_SEES, "audit.view_eventcontext", "audit.export_event", "auth.view_user", "auth.view_group"),
}


def seed_groups(apps: Any) -> None:
    """Make each role's group and give it what it lacks; what operators added by hand stays. Safe to call twice.

    `apps` is a migration's registry. A permission whose app is not migrated yet is left to a later migration, which calls
    this again.
    """
    for label in APPS:
        create_permissions(installed.get_app_config(label), verbosity=0, apps=apps)
    group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for role, names in GRANTS.items():
        group, _ = group_model.objects.get_or_create(name=role.value)
        for name in names:
            label, codename = name.split(".")
            group.permissions.add(*permission_model.objects.filter(content_type__app_label=label, codename=codename))
