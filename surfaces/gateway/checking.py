"""One gateway check, from a proxy's question to what the proxy is told: at most one query while the rules stand, and no write.

Whatever goes wrong, the answer is no: a database that is down, rules edited faster than they can be read and a fault of ours
are 503.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import HttpRequest

from audit.refusals import PLACE
from core.api import refuse
from core.errors import ErrorFamily, ForbiddenError, InternalError, SecretInUrlError, ServiceUnavailableError, StickerError
from core.http import context_of, request_id, secrets_in_query
from core.logs import log_request, request_log
from core.net import client_address
from core.principals import RequestContext
from surfaces import rulebook
from surfaces.admission import admit
from surfaces.authentication import mark
from surfaces.decisions import Decision, Question
from surfaces.gateway.answers import Answer, accepted, key_id_of, refused
from surfaces.gateway.dialects import Check, ClientRequest, first_line, read_check
from surfaces.rulebook import Policy

log = structlog.get_logger("sticker.gateway")

GATEWAY: Final = "gateway"
# A policy that is edited meanwhile is read again; edits are made by people.
_MOST_EDITS_MET: Final = 5
_MAX_AGENT_CHARS: Final = 256


def place_of(policy_name: str) -> str:
    """How the ledger's refusals name a policy."""
    return f"{GATEWAY}:{policy_name}"


@dataclass(slots=True)
class _Course:
    """How far one check has come. `request` is the client's as our log and ledger know requests."""

    check: Check
    policy_name: str
    request: HttpRequest = field(default_factory=HttpRequest)
    policy: Policy | None = None
    decision: Decision | None = None


def answer_check(check: Check, *, policy_name: str) -> Answer:
    """Decide one check. Never raises: what cannot be decided is refused."""
    began = time.perf_counter()
    course = _begin(check, policy_name)
    try:
        answer = _decided(course)
    except StickerError as error:
        answer = _refused(course, error)
    except (OperationalError, InterfaceError):
        close_old_connections()
        answer = _refused(course, ServiceUnavailableError(reason="database"))
    except Exception:
        # The outer edge: a fault of ours must not become an open door, or the end of a thread.
        log.exception("gateway.failed", policy=policy_name)
        close_old_connections()
        answer = _refused(course, InternalError(reason="gateway_fault"))
    if request_log.isEnabledFor(logging.INFO):
        log_request(_line(course, answer, began))
    return answer


def turn_away(check: Check, *, policy_name: str, reason: str) -> Answer:
    """Refuse a check that nobody has time for, in its policy's dialect as far as this process knows it. No I/O."""
    course = _begin(check, policy_name)
    held = rulebook.held()
    course.policy = held.policies.get(policy_name) if held else None
    return _refused(course, ServiceUnavailableError(reason=reason))


def _begin(check: Check, policy_name: str) -> _Course:
    course = _Course(check, policy_name)
    meta = course.request.META
    course.request.content_type = "application/json"  # no body is ever looked at
    meta["HTTP_X_REQUEST_ID"] = first_line(check, "x-request-id")
    meta[PLACE] = GATEWAY
    _know_address(course, None)
    return course


def _know_address(course: _Course, address: str | None) -> None:
    agent = first_line(course.check, "user-agent")[:_MAX_AGENT_CHARS]
    course.request.META["sticker.context"] = RequestContext(request_id(course.request), address, agent)


def _decided(course: _Course) -> Answer:
    """Decide by the policy in force.

    An acceptance has compared the rulebook's version in its one query. A refusal for which the policy alone is the reason
    asks for the version; the rules see to all others.
    """
    for _ in range(_MOST_EDITS_MET):
        try:
            policy = _enabled_policy(course)
            client = _read(course, policy)
        except StickerError:
            if _is_in_force():
                raise
            continue
        course.decision = decision = admit(_question(client, policy, context_of(course.request)))
        if rulebook.current().policies.get(policy.name) == policy:
            rule, proven = decision.passed()
            return accepted(policy, client, rule=rule, proven=proven, request_id=request_id(course.request))
    raise ServiceUnavailableError(reason="rules_in_motion")


def _enabled_policy(course: _Course) -> Policy:
    course.policy = policy = rulebook.current().policies.get(course.policy_name)
    if policy is None:
        raise ForbiddenError(reason="gateway_policy_unknown")
    if not policy.is_enabled:
        raise ForbiddenError(reason="gateway_policy_disabled")
    return policy


def _read(course: _Course, policy: Policy) -> ClientRequest:
    """Find out which request is asked about, and let log and ledger know it as the client's."""
    client = read_check(course.check, policy.dialect)
    request = course.request
    request.method, request.path, request.path_info = client.method, client.path, client.path
    request.META["QUERY_STRING"] = client.query
    _know_address(course, client_address({"REMOTE_ADDR": client.address}, trusted_hops=0))
    if client.query and secrets_in_query(request):
        raise SecretInUrlError(reason="secret_in_query")
    return client


def _is_in_force() -> bool:
    """Tell whether the snapshot is the one in force; if not, take it anew."""
    if rulebook.read_version() == rulebook.current().version:
        return True
    rulebook.reload()
    return False


def _question(client: ClientRequest, policy: Policy, context: RequestContext) -> Question:
    headers: dict[str, str] = {}
    for name, value in client.credentials:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        # As servers join lines: more than one credential then shows as one that none can be.
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return Question(
        method=client.method,
        path=client.path,
        headers=headers,
        address=context.address,
        host=client.host,
        tenant=client.tenant,
        shop=client.shop,
        surfaces=policy.surfaces,
    )


def _refused(course: _Course, error: StickerError) -> Answer:
    """Tell log and ledger of the refusal, under whatever is known of its credential, and word it for the proxy."""
    decision = course.decision
    if decision is not None:
        mark(course.request, decision)
    if course.policy is not None:
        course.request.META[PLACE] = place_of(course.policy.name)
    refuse(course.request, error)
    return refused(
        error,
        family=decision.family if decision else ErrorFamily.PLATFORM,
        dialect=course.policy.dialect if course.policy else None,
        request_id=request_id(course.request),
    )


def _line(course: _Course, answer: Answer, began: float) -> dict[str, Any]:
    request, decision = course.request, course.decision
    refusal = request.META.get("sticker.refusal")
    proven = decision.proven if decision else None
    return {
        "event": "gateway.check",
        "at": time.time(),
        "request_id": request_id(request),
        "policy": course.policy_name,
        "method": request.method,
        "path": request.path,
        "status": answer.status,
        "duration_ms": round((time.perf_counter() - began) * 1000, 2),
        "address": context_of(request).address,
        "rule": decision.rule.name if decision and decision.rule else None,
        "kid": (key_id_of(proven) if proven else request.META.get("sticker.kid")) or None,
        "partner": proven.partner_id if proven else request.META.get("sticker.partner"),
        "reason": refusal.reason if refusal else None,
    }
