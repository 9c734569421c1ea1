"""The addresses of webhooks and events."""

from django.urls import path

from webhooks import diagnosis_views, event_views, views

_ENDPOINT = "webhook-endpoints/<uuid:endpoint_id>"

urlpatterns = [
    path("event-types", event_views.EventTypes.as_view(), name="event-types"),
    path("events", event_views.Events.as_view(), name="events"),
    path("webhook-endpoints", views.Endpoints.as_view(), name="webhook-endpoints"),
    path(_ENDPOINT, views.EndpointDetail.as_view(), name="webhook-endpoint"),
    path(f"{_ENDPOINT}/rotate-secret", views.RotateSecret.as_view(), name="webhook-secret-rotate"),
    path(f"{_ENDPOINT}/test", views.SendTest.as_view(), name="webhook-endpoint-test"),
    path(f"{_ENDPOINT}/verify", views.VerifyEndpoint.as_view(), name="webhook-endpoint-verify"),
    path(f"{_ENDPOINT}/diagnose", diagnosis_views.DiagnoseDelivery.as_view(), name="webhook-diagnose"),
    path(f"{_ENDPOINT}/replay", views.ReplayWindow.as_view(), name="webhook-endpoint-replay"),
    path("deliveries", event_views.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<str:delivery_id>", event_views.DeliveryDetail.as_view(), name="delivery"),
    path("deliveries/<str:delivery_id>/replay", event_views.ReplayDelivery.as_view(), name="delivery-replay"),
]
