"""The three families of signed deliveries; an endpoint has one, and it decides the headers and the shape of the body."""

from enum import StrEnum


class SignatureFormat(StrEnum):
    """How a receiver verifies: Standard Webhooks, as the Stash guide says, or as the Sticker guide says."""

    STANDARD = "standard"
    STASH = "stash"
    STICKER = "sticker"
