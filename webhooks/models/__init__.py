"""Endpoints and their secrets, messages and their bytes, deliveries and their attempts."""

from webhooks.models.deliveries import Attempt, Delivery, DeliveryState
from webhooks.models.endpoints import Endpoint, EndpointSecret, SecretState
from webhooks.models.messages import FeedCursor, Message, MessageBody, MessageSource

__all__ = [
    "Attempt",
    "Delivery",
    "DeliveryState",
    "Endpoint",
    "EndpointSecret",
    "FeedCursor",
    "Message",
    "MessageBody",
    "MessageSource",
    "SecretState",
]
