"""Endpoints and their secrets, messages and their bytes, deliveries and their attempts."""

from webhooks.models.deliveries import FINAL_STATES, Attempt, Delivery, DeliveryState
from webhooks.models.endpoints import Endpoint, EndpointSecret, SecretState
from webhooks.models.messages import FeedCursor, Message, MessageBody, MessageSource

__all__ = [
    "FINAL_STATES",
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
