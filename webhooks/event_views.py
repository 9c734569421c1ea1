"""The REST doors of events and deliveries: their types, publishing, the pull feed, and the log."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api import ApiView
from core.http import context_of
from core.responses import json_response
from partners.authentication import KeyedView, principal_of
from partners.idempotency import Answer, answer_once, idempotency_key
from webhooks import answer_shapes, answers, queries, shapes
from webhooks.models import MessageBody
from webhooks.services.deliveries import find_delivery, list_deliveries
from webhooks.services.feed import read_feed
from webhooks.services.publishing import publish_event
from webhooks.services.replays import replay_delivery


class EventTypes(ApiView):
    """Every type of event, with its version, meaning, schema and an example; anyone may read it."""

    @extend_schema(operation_id="event_types", summary="All event types", responses=answer_shapes.EventTypesAnswer)
    def get(self, request: Request) -> HttpResponse:
        return json_response(answers.event_types(), headers={"Cache-Control": "public, max-age=300"})


class Events(KeyedView):
    """Every event of yours in this environment, to read in order and to add to."""

    required_scopes: ClassVar = {"GET": "events:read", "POST": "events:write"}

    @extend_schema(
        operation_id="event_feed",
        summary="Read the event feed",
        parameters=[queries.FeedQuery],
        responses=answer_shapes.FeedAnswer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Read events in the order they were committed. Keep `next`, and give it as `after` of the next call.

        Nothing ever appears before a cursor that was given out: a receiver that has read up to here has everything. The newest
        events appear within moments, once every transaction that began before them has ended.
        """
        asked = queries.read_feed_query(request._request)
        page = read_feed(principal_of(request), after=asked.after, limit=asked.limit, patterns=asked.patterns)
        return json_response(answers.feed_page(page))

    @extend_schema(
        operation_id="event_publish",
        summary="Publish an event",
        request=shapes.PublishRequest,
        responses={202: answer_shapes.PublishedAnswer},
    )
    def post(self, request: Request) -> HttpResponse:
        """Publish an event of a commerce service to every endpoint that asks for its type.

        The data has to survive a JavaScript receiver unchanged: no numbers with a point, none beyond 2^53-1, no names that are
        whole numbers. A refusal says where. With an `Idempotency-Key` a retry gets the first answer and nothing is sent twice.
        """
        http, principal = request._request, principal_of(request)
        event = shapes.read_event(self.read_body(request))
        actor = principal.actor(context_of(http))

        def act() -> Answer:
            return Answer(202, answers.plain(answers.published(publish_event(principal, event=event, actor=actor))))

        answer = answer_once(principal, operation="event.publish", key=idempotency_key(http), body=http.body, act=act)
        headers = {"Idempotent-Replayed": "true"} if answer.is_replay else None
        return json_response(answer.body, status=answer.status, headers=headers)


class Deliveries(KeyedView):
    """The log of deliveries, the newest first."""

    required_scopes: ClassVar = {"GET": "webhooks:manage"}

    @extend_schema(
        operation_id="deliveries",
        summary="List deliveries",
        parameters=[queries.DeliveriesQuery],
        responses=answer_shapes.DeliveriesAnswer,
    )
    def get(self, request: Request) -> HttpResponse:
        asked = queries.read_deliveries_query(request._request)
        page = list_deliveries(principal_of(request), wanted=asked)
        facts = [answers.delivery_facts(each) for each in page.deliveries]
        following = facts[-1]["id"] if page.has_more else None
        return json_response({"success": True, "deliveries": facts, "next": following})


class DeliveryDetail(KeyedView):
    """One delivery."""

    required_scopes: ClassVar = {"GET": "webhooks:manage"}

    @extend_schema(operation_id="delivery", summary="One delivery with its attempts", responses=answer_shapes.DeliveryLogAnswer)
    def get(self, request: Request, delivery_id: str) -> HttpResponse:
        delivery = find_delivery(principal_of(request), answers.parse_delivery_id(delivery_id))
        style = delivery.endpoint.signature_format
        body = MessageBody.objects.filter(message_id=delivery.message_id, style=style).first()
        return json_response(answers.delivery_log(delivery, attempts=delivery.log.in_order(), body=body))


class ReplayDelivery(KeyedView):
    """One delivery, once more."""

    required_scopes: ClassVar = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="delivery_replay",
        summary="Send a delivery again",
        request=None,
        responses={202: answer_shapes.DeliveryAnswer},
    )
    def post(self, request: Request, delivery_id: str) -> HttpResponse:
        """Send it again, from the beginning of the schedule: the same id and body, a new timestamp, and `webhook-replay: 1`."""
        principal = principal_of(request)
        delivery = find_delivery(principal, answers.parse_delivery_id(delivery_id))
        replayed = replay_delivery(delivery.pk, actor=principal.actor(context_of(request._request)))
        return json_response({"success": True, "delivery": answers.delivery_facts(replayed)}, status=202)
