"""A call that was allowed and did not succeed."""

from core.egress.policy import MEANINGS, EgressReason


class EgressFailedError(Exception):
    """A call that was made, or begun, and brought no answer worth reading. The text repeats nothing the other side sent.

    `was_sent` tells that the other side may have read the request, and acted on it.
    """

    def __init__(self, reason: EgressReason, *, was_sent: bool = False) -> None:
        super().__init__(MEANINGS[reason])
        self.reason = reason
        self.was_sent = was_sent


class OwnFaultError(OSError):
    """A call that could not be made because of our own machine or network: nobody else is to blame."""
