"""The two doors through which a partner's backend sets up organizations and their users."""

from collections.abc import Callable
from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.http import context_of
from core.responses import json_response
from organizations import answers, examples, shapes
from organizations.services.partner_setup import setup_partner_organization
from organizations.services.setup import setup_organization
from partners.authentication import ApiKeyAuthentication, HasScope, principal_of
from partners.idempotency import Answer, answer_once, idempotency_key
from partners.throttling import ThrottledView, ThrottleScope


class SetupView(ThrottledView):
    """What both forms have in common."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    required_scopes: ClassVar = {"POST": "organization:write"}
    throttle_scope = ThrottleScope.SETUP
    operation: ClassVar[str]

    def answer(self, request: Request, act: Callable[[], Answer]) -> HttpResponse:
        """Act once per `Idempotency-Key`, and say when the answer is an earlier one."""
        http = request._request
        key = idempotency_key(http)
        answer = answer_once(principal_of(request), operation=self.operation, key=key, body=http.body, act=act)
        headers = {"Idempotent-Replayed": "true"} if answer.is_replay else None
        return json_response(answer.body, status=answer.status, headers=headers)


class SetupOrganization(SetupView):
    """Set up a user in an organization, which is created when you name one that we do not know.

    The same user again is a 409 with the ids of what exists; treat it as success.
    """

    operation = "organization.setup"

    @extend_schema(
        operation_id="organization_setup",
        summary="Set up an organization's user",
        request=shapes.OrganizationSetup,
        responses={201: answers.SetupAnswer},
        examples=examples.SETUP_EXAMPLES,
    )
    def post(self, request: Request) -> HttpResponse:
        principal = principal_of(request)
        wanted = shapes.setup_request(self.read_body(request))
        actor = principal.actor(context_of(request._request))

        def act() -> Answer:
            return Answer(201, answers.setup_answer(setup_organization(principal, request=wanted, actor=actor)))

        return self.answer(request, act)


class SetupPartnerOrganization(SetupView):
    """Set up an organization with all its sites and its users, or bring one up to date (the older form).

    Sites are replaced as a whole; users are added, or updated by e-mail address, and never removed.
    """

    operation = "partner.organization_setup"

    @extend_schema(
        operation_id="partner_organization_setup",
        summary="Set up or update an organization",
        request=shapes.PartnerOrganizationSetup,
        responses={200: answers.PartnerSetupAnswer, 201: answers.PartnerSetupAnswer},
        examples=examples.PARTNER_SETUP_EXAMPLES,
    )
    def post(self, request: Request) -> HttpResponse:
        principal = principal_of(request)
        wanted = shapes.partner_setup_request(self.read_body(request))
        actor = principal.actor(context_of(request._request))

        def act() -> Answer:
            done = setup_partner_organization(principal, request=wanted, actor=actor)
            return Answer(201 if done.is_new_organization else 200, answers.partner_setup_answer(done))

        return self.answer(request, act)
