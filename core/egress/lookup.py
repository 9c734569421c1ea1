"""Name look-ups that end in time: the system's resolver has no time-out, so each runs in a thread that may be left behind."""

import socket
import threading
from concurrent.futures import Future
from typing import Final

from core.egress.failures import EgressFailedError
from core.egress.policy import EgressReason

# A name server that never answers can hold this many names at once, and no more.
MAX_LOOKUPS: Final = 32


def resolve(host: str, *, seconds: float) -> list[str]:
    """All addresses of a name, in the resolver's order. Callers who ask for one name at the same time share one look-up.

    Raises: EgressFailedError when there is none, or not in time.
    """
    try:
        return _flight(host).result(timeout=seconds)
    except TimeoutError as error:
        raise EgressFailedError(EgressReason.TIMEOUT) from error
    except (OSError, UnicodeError) as error:
        raise EgressFailedError(EgressReason.DNS) from error


def _flight(host: str) -> "Future[list[str]]":
    with _lock:
        known = _flights.get(host)
        if known is not None:
            return known
        if len(_flights) >= MAX_LOOKUPS:
            raise EgressFailedError(EgressReason.TIMEOUT)
        flight = _flights[host] = Future()
    # Not a pool: its threads are waited for at exit, and one of these may hang for minutes.
    threading.Thread(target=_look_up, args=(host, flight), name="egress-lookup", daemon=True).start()
    return flight


def _look_up(host: str, flight: "Future[list[str]]") -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        _land(host)
        flight.set_exception(error)
    else:
        _land(host)
        flight.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in found)))


def _land(host: str) -> None:
    with _lock:
        del _flights[host]


_lock: Final = threading.Lock()
_flights: "Final[dict[str, Future[list[str]]]]" = {}
