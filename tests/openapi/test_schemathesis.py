"""The running service against its own document: made-up requests, right and wrong, get documented answers and never a 5xx."""

import secrets
from collections import Counter, defaultdict
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from sticker_auth.openapi import document
from tests.openapi import grants, leaks, surfaces, tokens, webhooks
from tests.openapi.conftest import SETUP, USER, Caller

ENDS_ITS_KEY: Final = {"key_self_rotate", "key_self_revoke"}
USES_COOKIE: Final = {"session_current", "session_refresh", "session_heartbeat", "session_logout"}
EXAMPLES: Final = 10
# JSON Schema cannot say all that makes a text or an address acceptable, so right requests may be refused.
# Signing out succeeds whatever it is given.
EXCLUDED: Final[dict[str, Any]] = {
    "": [positive_data_acceptance],
    "session_logout": [positive_data_acceptance, negative_data_rejection],
    "storefront_logout": [positive_data_acceptance, negative_data_rejection],
}
seen: Final[defaultdict[str, Counter[int]]] = defaultdict(Counter)

schema: Final = schemathesis.openapi.from_dict(document())
schema.config.generation.with_security_parameters = False
schema.config.generation.deterministic = True
rejection: Final = schema.config.checks.negative_data_rejection
rejection.expected_statuses = [*rejection.expected_statuses, "413"]


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_service_answers_as_documented(case: Case[Any], caller: Caller) -> None:
    operation_id = case.operation.definition.raw["operationId"]
    call = calling(case, operation_id, caller)
    excluded = EXCLUDED.get(operation_id, EXCLUDED[""])
    answer = case.call_and_validate(base_url=caller.service.base_url, excluded_checks=excluded, **call)
    seen[operation_id][answer.status_code] += 1


def calling(case: Case[Any], operation_id: str, caller: Caller) -> dict[str, Any]:
    """Give every second right request what only a real caller can know."""
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    is_led = is_right and sum(seen[operation_id].values()) % 2 == 0
    if is_led:
        lead(case, operation_id, caller)
    if operation_id in USES_COOKIE or operation_id == "session_redeem":
        cookies = caller.page_cookies() if is_led and operation_id in USES_COOKIE else {}
        return {"headers": {"Origin": caller.service.base_url}, "cookies": cookies}
    if operation_id in tokens.OPERATIONS | leaks.OPERATIONS:
        return {"headers": {}}
    headers = caller.surfaces.headers(operation_id)
    if headers is not None:
        return {"headers": headers}
    key = next(caller.spare_keys) if operation_id in ENDS_ITS_KEY else caller.key
    return {"headers": {"Authorization": f"Bearer {key}"}}


def lead(case: Case[Any], operation_id: str, caller: Caller) -> None:
    if operation_id == "organization_setup":
        case.body = SETUP | {"internalUserId": secrets.token_hex(8)}
    elif operation_id == "handshake":
        case.body = {"internal_user_id": USER}
    elif operation_id in ("session_status", "session_revoke"):
        case.path_parameters["session_id"] = caller.handshake()["session_id"]
    elif operation_id == "user_sessions_revoke":
        case.path_parameters["internal_user_id"] = USER
    elif operation_id == "session_redeem":
        case.body = dict(caller.redemption())
    elif operation_id in tokens.OPERATIONS:
        caller.tokens.lead(case, operation_id, caller)
    else:
        surfaces.lead(case, operation_id)
        leaks.lead(case, operation_id)
        webhooks.lead(case, operation_id, caller)
        grants.lead(case, operation_id, caller)


def test_every_operation_of_the_document_was_seen_to_succeed() -> None:
    assert set(seen) == {operation["operationId"] for item in document()["paths"].values() for operation in item.values()}
    for operation_id, statuses in seen.items():
        assert any(200 <= status < 300 for status in statuses), (operation_id, statuses)
