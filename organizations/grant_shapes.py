"""The bodies and answers of the calls about an organization's OAuth grant."""
# ruff: noqa: N815  # camelCase on the wire; what OAuth itself names keeps OAuth's names

from typing import Any

from rest_framework import serializers

from core.fields import StrictTextField, validated
from core.responses import iso
from core.strict_json import JsonObject
from organizations.fields import MAX_TOKEN_SECONDS, OPTIONAL, OPTIONAL_TEXT, ExternalIdField, StrictIntegerField, TokenField
from organizations.models import GrantState, RunOutcome, SyncRun
from organizations.oauth.tokens import TokenSet
from organizations.services.code_exchange import AuthorizationCode
from organizations.services.connect_links import NewConnectLink
from organizations.services.grant_status import GrantStatus
from organizations.sync_reasons import SyncReason


class GrantBody(serializers.Serializer[Any]):
    """The body of `PUT /v1/organizations/{internalOrgId}/oauth`."""

    accessToken = TokenField(source="access_token", help_text="Of your OAuth provider. Never given out again.")
    refreshToken = TokenField(source="refresh_token", help_text="Ours to use from now on, and nobody else's.", **OPTIONAL_TEXT)
    accessTokenExpiresIn = StrictIntegerField(
        source="expires_in", min_value=0, max_value=MAX_TOKEN_SECONDS, help_text="Seconds from now.", **OPTIONAL
    )


class ExchangeBody(serializers.Serializer[Any]):
    """The body of `POST /v1/organizations/oauth/exchange`."""

    internalOrgId = ExternalIdField(source="external_id")
    code = StrictTextField(max_length=4096, help_text="As your provider's redirect brought it.")
    redirect_uri = StrictTextField(max_length=2048, help_text="The one the authorization request had, exactly.")
    code_verifier = serializers.RegexField(
        r"\A[A-Za-z0-9._~-]{43,128}\Z", help_text="The PKCE verifier (RFC 7636); the challenge must have been S256."
    )
    iss = StrictTextField(max_length=2048, help_text="As the redirect brought it (RFC 9207).", **OPTIONAL)


class GrantToken(serializers.Serializer[Any]):
    expiresAt = serializers.DateTimeField(allow_null=True)
    hasRefreshToken = serializers.BooleanField()
    scopes = serializers.ListField(child=serializers.CharField())


class GrantProblem(serializers.Serializer[Any]):
    reason = serializers.ChoiceField([each.value for each in SyncReason])
    message = serializers.CharField()
    since = serializers.DateTimeField()


class GrantRun(serializers.Serializer[Any]):
    startedAt = serializers.DateTimeField()
    finishedAt = serializers.DateTimeField()
    outcome = serializers.ChoiceField(RunOutcome.values)
    reason = serializers.CharField(allow_null=True)
    httpStatus = serializers.IntegerField(allow_null=True)
    changes = serializers.DictField()


class GrantAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    internalOrgId = serializers.CharField()
    organizationId = serializers.UUIDField()
    environment = serializers.ChoiceField(["live", "test"])
    state = serializers.ChoiceField(GrantState.values)
    stateSince = serializers.DateTimeField()
    connectedAt = serializers.DateTimeField()
    lastSyncedAt = serializers.DateTimeField(allow_null=True)
    nextSyncAt = serializers.DateTimeField(allow_null=True)
    token = GrantToken(allow_null=True)
    problem = GrantProblem(allow_null=True)
    lastRun = GrantRun(allow_null=True)


class ConnectLinkAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    connectUrl = serializers.CharField(help_text="For one person; what stands behind its `#` is a secret.")
    expiresAt = serializers.DateTimeField()


def given_tokens(body: JsonObject) -> TokenSet:
    """Read the tokens of a body.

    Raises: InvalidRequestError naming each wrong field.
    """
    fields = validated(GrantBody, body)
    return TokenSet(fields["access_token"], fields.get("refresh_token") or None, fields.get("expires_in"))


def given_code(body: JsonObject) -> tuple[str, AuthorizationCode]:
    """Read whose code a body brings, and the code.

    Raises: InvalidRequestError naming each wrong field.
    """
    fields = validated(ExchangeBody, body)
    code = AuthorizationCode(fields["code"], fields["redirect_uri"], fields["code_verifier"], fields.get("iss"))
    return fields["external_id"], code


def grant_answer(status: GrantStatus) -> JsonObject:
    """How a grant stands, without anything that opens something."""
    organization, grant = status.organization, status.grant
    return {
        "success": True,
        "internalOrgId": organization.external_id,
        "organizationId": str(organization.pk),
        "environment": organization.environment,
        "state": status.state.value,
        "stateSince": iso(grant.state_since),
        "connectedAt": iso(grant.created_at),
        "lastSyncedAt": iso(grant.synced_at) if grant.synced_at else None,
        "nextSyncAt": iso(grant.next_sync_at) if grant.next_sync_at and grant.access_sealed else None,
        "token": _token(status),
        "problem": _problem(status),
        "lastRun": _run(status.last_run) if status.last_run else None,
    }


def connect_link_answer(link: NewConnectLink) -> JsonObject:
    """The link, this once."""
    return {"success": True, "connectUrl": link.url, "expiresAt": iso(link.expires_at)}


def _token(status: GrantStatus) -> JsonObject | None:
    grant = status.grant
    if status.state is GrantState.DISCONNECTED:
        return None
    expires_at = iso(grant.access_expires_at) if grant.access_expires_at else None
    return {"expiresAt": expires_at, "hasRefreshToken": grant.has_refresh_token, "scopes": grant.scopes}


def _problem(status: GrantStatus) -> JsonObject | None:
    if not status.reason or status.since is None:
        return None
    return {"reason": status.reason, "message": status.meaning, "since": iso(status.since)}


def _run(run: SyncRun) -> JsonObject:
    return {
        "startedAt": iso(run.started_at),
        "finishedAt": iso(run.finished_at),
        "outcome": run.outcome,
        "reason": run.reason or None,
        "httpStatus": run.http_status,
        "changes": run.changes,
    }
