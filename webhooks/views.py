"""The REST doors of endpoints, their secrets, and tests and replays to them."""

from collections.abc import Callable
from typing import ClassVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.http import context_of
from core.responses import json_response
from core.strict_json import JsonObject
from partners.authentication import KeyedView, principal_of
from partners.idempotency import Answer, answer_once, idempotency_key
from webhooks import answer_shapes, answers, shapes
from webhooks.models import Endpoint
from webhooks.services import endpoints, probes, replays, secrets
from webhooks.services.locks import find_endpoint
from webhooks.services.secrets import NewSecret
from webhooks.services.switches import patch_endpoint


class ManagingView(KeyedView):
    """A door to the caller's endpoints."""

    required_scopes: ClassVar = {"GET": "webhooks:manage", "POST": "webhooks:manage"}

    def answer_with_secret(
        self, request: Request, *, operation: str, act: Callable[[], tuple[NewSecret, Answer]]
    ) -> HttpResponse:
        """Act once per `Idempotency-Key`; the secret goes into the first answer alone and is kept nowhere."""
        http, made = request._request, list[NewSecret]()

        def kept() -> Answer:
            new, answer = act()
            made.append(new)
            return answer

        answer = answer_once(principal_of(request), operation=operation, key=idempotency_key(http), body=http.body, act=kept)
        body = {**answer.body, "secret": made[0].plaintext if made else None}
        headers = {"Idempotent-Replayed": "true"} if answer.is_replay else None
        return json_response(body, status=answer.status, headers=headers)

    def optional_body(self, request: Request) -> JsonObject:
        """Read the body of a call that may have none."""
        return self.read_body(request) if request._request.body else {}


class Endpoints(ManagingView):
    """Your webhook endpoints in this environment."""

    @extend_schema(operation_id="webhook_endpoints", summary="List webhook endpoints", responses=answer_shapes.EndpointsAnswer)
    def get(self, request: Request) -> HttpResponse:
        rows = Endpoint.objects.present().for_principal(principal_of(request)).prefetch_related("secrets")
        facts = [answers.endpoint_facts(each) for each in rows.order_by("-created_at", "pk")]
        return json_response({"success": True, "endpoints": facts})

    @extend_schema(
        operation_id="webhook_endpoint_create",
        summary="Add a webhook endpoint",
        request=shapes.EndpointRequest,
        responses={201: answer_shapes.NewEndpointAnswer},
    )
    def post(self, request: Request) -> HttpResponse:
        """Add an endpoint. Its secret is in this answer and never again.

        It gets a signed `endpoint.verify` event at once; any 2xx proves that it is yours, and deliveries start. Until then they
        are parked.
        """
        principal, actor = principal_of(request), principal_of(request).actor(context_of(request._request))
        spec = shapes.read_endpoint(self.read_body(request))

        def act() -> tuple[NewSecret, Answer]:
            new = endpoints.create_endpoint(principal.partner_id, environment=principal.environment, spec=spec, actor=actor)
            facts = answers.endpoint_facts(new.endpoint)
            return new, Answer(201, answers.plain({"success": True, "id": new.endpoint.pk, "endpoint": facts}))

        return self.answer_with_secret(request, operation="webhook_endpoint.create", act=act)


class EndpointDetail(KeyedView):
    """One webhook endpoint."""

    required_scopes: ClassVar = {"GET": "webhooks:manage", "PATCH": "webhooks:manage", "DELETE": "webhooks:manage"}

    @extend_schema(operation_id="webhook_endpoint", summary="One webhook endpoint", responses=answer_shapes.EndpointAnswer)
    def get(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        endpoint = find_endpoint(principal_of(request), endpoint_id)
        return json_response({"success": True, "endpoint": answers.endpoint_facts(endpoint)})

    @extend_schema(
        operation_id="webhook_endpoint_update",
        summary="Change, pause or disable a webhook endpoint",
        request=shapes.EndpointPatchRequest,
        responses=answer_shapes.EndpointAnswer,
    )
    def patch(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Change what is named and leave the rest. A new URL has to prove itself first, and is asked at once."""
        principal = principal_of(request)
        fields = shapes.read_patch(self.read_body(request))
        endpoint = find_endpoint(principal, endpoint_id)
        actor = principal.actor(context_of(request._request))
        patched = patch_endpoint(endpoint.pk, patch=shapes.patch_of(endpoint, fields), actor=actor)
        return json_response({"success": True, "endpoint": answers.endpoint_facts(patched)})

    @extend_schema(operation_id="webhook_endpoint_delete", summary="Delete a webhook endpoint", responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Delete an endpoint. What was not delivered is cancelled; the log stays."""
        principal = principal_of(request)
        endpoint = find_endpoint(principal, endpoint_id)
        endpoints.delete_endpoint(endpoint.pk, reason="", actor=principal.actor(context_of(request._request)))
        return HttpResponse(status=204)


class RotateSecret(ManagingView):
    """The signing secret of an endpoint."""

    required_scopes: ClassVar = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="webhook_secret_rotate",
        summary="Rotate a webhook secret",
        request=shapes.RotateSecretRequest,
        responses={201: answer_shapes.RotatedSecretAnswer},
    )
    def post(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Make a new secret. It takes over once your receiver has answered 2xx to an event signed with it.

        That event is `endpoint.secret_rotated`. Until then, and for the overlap, `webhook-signature` has one signature for each
        valid secret. With an overlap of 0 the new secret takes over now and the old one ends now.
        """
        principal = principal_of(request)
        overlap, reason = shapes.read_overlap(self.optional_body(request))
        endpoint = find_endpoint(principal, endpoint_id)
        actor = principal.actor(context_of(request._request))

        def act() -> tuple[NewSecret, Answer]:
            new = secrets.rotate_secret(endpoint.pk, overlap=overlap, reason=reason, actor=actor)
            return new, Answer(201, answers.plain({"success": True, "secret_id": new.secret.pk, "state": new.secret.state}))

        return self.answer_with_secret(request, operation=f"webhook_secret.rotate:{endpoint.pk.hex}", act=act)


class SendTest(ManagingView):
    """Test events to an endpoint."""

    required_scopes: ClassVar = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="webhook_endpoint_test",
        summary="Send a test event",
        request=shapes.TestRequest,
        responses={202: answer_shapes.DeliveryAnswer},
    )
    def post(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Send the sample of a type, whatever the endpoint's filter and state."""
        principal = principal_of(request)
        event_type = shapes.read_test(self.read_body(request))
        endpoint = find_endpoint(principal, endpoint_id)
        actor = principal.actor(context_of(request._request))
        delivery = probes.send_test(endpoint.pk, event_type=event_type, actor=actor)
        return json_response({"success": True, "delivery": answers.delivery_facts(delivery)}, status=202)


class VerifyEndpoint(ManagingView):
    """The proof that an endpoint is yours."""

    required_scopes: ClassVar = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="webhook_endpoint_verify",
        summary="Ask an endpoint to prove itself again",
        request=None,
        responses={202: answer_shapes.DeliveryAnswer},
    )
    def post(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Send a new `endpoint.verify` event; an earlier one no longer counts."""
        principal = principal_of(request)
        endpoint = find_endpoint(principal, endpoint_id)
        delivery = probes.verify_endpoint(endpoint.pk, actor=principal.actor(context_of(request._request)))
        return json_response({"success": True, "delivery": answers.delivery_facts(delivery)}, status=202)


class ReplayWindow(ManagingView):
    """Past deliveries of an endpoint."""

    required_scopes: ClassVar = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="webhook_endpoint_replay",
        summary="Send past deliveries again",
        request=shapes.ReplayRequest,
        responses={202: answer_shapes.ReplayedAnswer},
    )
    def post(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Send every delivery of a time window again: the same id and body, a new timestamp, and `webhook-replay: 1`."""
        principal = principal_of(request)
        window = shapes.read_window(self.read_body(request))
        endpoint = find_endpoint(principal, endpoint_id)
        actor = principal.actor(context_of(request._request))
        count = replays.replay_window(endpoint.pk, window=window, actor=actor)
        return json_response({"success": True, "replayed": count}, status=202)
