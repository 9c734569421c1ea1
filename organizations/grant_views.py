"""The calls about an organization's OAuth grant: hand over, look, end, sync now, exchange a code, make a connect link."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.http import context_of
from core.principals import Actor
from core.responses import json_response
from organizations import grant_shapes as shapes
from organizations.services.code_exchange import exchange_code
from organizations.services.connect_links import create_connect_link
from organizations.services.grant_status import read_status, status_of
from organizations.services.grants import connect_organization, disconnect_organization, find_organization
from organizations.services.sync_switches import request_sync
from partners.authentication import ApiKeyAuthentication, HasScope, principal_of
from partners.throttling import ThrottledView, ThrottleScope


class GrantView(ThrottledView):
    """What these calls have in common; they share the allowance of the setup calls."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    throttle_scope = ThrottleScope.SETUP

    def actor(self, request: Request) -> Actor:
        """The caller in the words of the ledger."""
        return principal_of(request).actor(context_of(request._request))


class OrganizationGrant(GrantView):
    """An organization's OAuth grant. Its tokens go in and never come out."""

    required_scopes: ClassVar = {"GET": "organization:read", "PUT": "organization:write", "DELETE": "organization:write"}

    @extend_schema(
        operation_id="organization_oauth",
        summary="See how an organization's sync stands",
        responses={200: shapes.GrantAnswer},
    )
    def get(self, request: Request, internal_org_id: str) -> HttpResponse:
        return json_response(shapes.grant_answer(read_status(principal_of(request), external_id=internal_org_id)))

    @extend_schema(
        operation_id="organization_oauth_put",
        summary="Hand over an organization's tokens",
        description=(
            "They take the place of those that were there, and the organization is synced at once. The refresh token is ours to"
            " use from now on: one that rotates has one owner. The very tokens you brought before change nothing."
        ),
        request=shapes.GrantBody,
        responses={200: shapes.GrantAnswer},
    )
    def put(self, request: Request, internal_org_id: str) -> HttpResponse:
        tokens = shapes.given_tokens(self.read_body(request))
        organization = find_organization(principal_of(request), external_id=internal_org_id)
        connect_organization(organization, tokens=tokens, actor=self.actor(request))
        return json_response(shapes.grant_answer(status_of(organization.pk)))

    @extend_schema(
        operation_id="organization_oauth_delete",
        summary="Disconnect an organization",
        description="Its tokens are not used any more from now on; the provider takes them back, and they are erased here.",
        responses={204: None},
    )
    def delete(self, request: Request, internal_org_id: str) -> HttpResponse:
        organization = find_organization(principal_of(request), external_id=internal_org_id)
        disconnect_organization(organization.pk, actor=self.actor(request))
        return HttpResponse(status=204)


class SyncOrganization(GrantView):
    """Sync an organization now."""

    required_scopes: ClassVar = {"POST": "organization:write"}

    @extend_schema(
        operation_id="organization_sync",
        summary="Sync an organization now",
        description="It is done as soon as a worker is free; `GET …/oauth` tells how it went.",
        request=None,
        responses={202: shapes.GrantAnswer},
    )
    def post(self, request: Request, internal_org_id: str) -> HttpResponse:
        organization = find_organization(principal_of(request), external_id=internal_org_id)
        request_sync(organization.pk, actor=self.actor(request))
        return json_response(shapes.grant_answer(status_of(organization.pk)), status=202)


class ConnectOrganization(GrantView):
    """Make a link by which a person connects an organization."""

    required_scopes: ClassVar = {"POST": "organization:write"}

    @extend_schema(
        operation_id="organization_connect",
        summary="Make a link to connect an organization",
        description="Open it in the browser of whoever may authorize there. It is good for an hour and for one grant.",
        request=None,
        responses={201: shapes.ConnectLinkAnswer},
    )
    def post(self, request: Request, internal_org_id: str) -> HttpResponse:
        organization = find_organization(principal_of(request), external_id=internal_org_id)
        link = create_connect_link(organization, actor=self.actor(request))
        return json_response(shapes.connect_link_answer(link), status=201)


class ExchangeCode(GrantView):
    """Turn an authorization code that your backend holds into an organization's grant."""

    required_scopes: ClassVar = {"POST": "organization:write"}

    @extend_schema(
        operation_id="organization_oauth_exchange",
        summary="Exchange an authorization code",
        description="We take it to your provider at once. Whatever the answer, the code is used up.",
        request=shapes.ExchangeBody,
        responses={200: shapes.GrantAnswer},
    )
    def post(self, request: Request) -> HttpResponse:
        external_id, code = shapes.given_code(self.read_body(request))
        organization = find_organization(principal_of(request), external_id=external_id)
        exchange_code(organization, given=code, actor=self.actor(request))
        return json_response(shapes.grant_answer(status_of(organization.pk)))
