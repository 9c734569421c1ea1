"""The one function that decides a request to a surface: for our own endpoints, for the gateway, and for the staff's tester."""

from typing import Final

from core.credentials import MAX_CREDENTIAL_CHARS, prefix_of
from core.errors import (
    ForbiddenError,
    InvalidApiKeyError,
    MultipleCredentialsError,
    PartnerSuspendedError,
    ServiceUnavailableError,
    StickerError,
    UnauthorizedError,
)
from core.http import KEY_HEADERS, STRAY_CREDENTIAL, credential_in
from core.jwt import MAX_TOKEN_CHARS
from surfaces import rulebook
from surfaces.challenges import challenge
from surfaces.decisions import Decision, Question, Step, Trace, host_name
from surfaces.errors import AmbiguousPathError, InvalidAccessTokenError, NoRuleError, NotEntitledError
from surfaces.names import Mechanism
from surfaces.paths import NormalPath, normalise
from surfaces.proofs import Asked, kind_of, prove
from surfaces.rulebook import Rule, Snapshot, Tenant
from surfaces.verification import CredentialKind, NotProvenError, Proven

# Edits are made by people: more than this many within one decision is a fault.
_MOST_EDITS_MET: Final = 5
_NO_TOKEN: Final = "Send your access token as 'Authorization: Bearer YOUR_TOKEN'."  # noqa: S105  # advice


def _untraced(_step: Step, _found: object) -> None:
    pass


def decide(question: Question, *, trace: Trace = _untraced) -> Decision:
    """Decide one request: at most one query while the rules stand, no write, and never by rules older than the last edit.

    Raises: ServiceUnavailableError while rules are edited faster than they can be read; database errors as they come.
    """
    snapshot = rulebook.current()
    for _ in range(_MOST_EDITS_MET):
        case = _Case(snapshot, question, trace)
        decision = case.decide()
        if case.version in (None, snapshot.version):
            return decision
        snapshot = rulebook.reload()
        trace(Step.RELOADED, snapshot)
    raise ServiceUnavailableError(reason="rules_in_motion")


def not_known(rule: Rule, reason: str) -> StickerError:
    """The refusal of a credential that proves nothing to a rule: one for all reasons."""
    mechanism = rule.surface.mechanism
    error = InvalidApiKeyError(reason=reason) if mechanism is Mechanism.API_KEY else InvalidAccessTokenError(reason=reason)
    error.headers["WWW-Authenticate"] = challenge(error, mechanism)
    return error


class _Case:
    """One attempt to decide, by one snapshot. `version` is the one in force that its query saw; None where it made none."""

    __slots__ = ("_question", "_snapshot", "_trace", "key_prefix", "proven", "refused", "rule", "version")

    def __init__(self, snapshot: Snapshot, question: Question, trace: Trace) -> None:
        self._snapshot = snapshot
        self._question = question
        self._trace = trace
        self.version: int | None = None
        self.rule: Rule | None = None
        self.proven: Proven | None = None
        self.refused: NotProvenError | None = None
        self.key_prefix = ""

    def decide(self) -> Decision:
        error: StickerError | None = None
        try:
            self._walk()
        except StickerError as refusal:
            error = refusal
            if self.rule is not None and (error.status == 401 or (error.status == 403 and self.proven)):
                error.headers.setdefault("WWW-Authenticate", challenge(error, self.rule.surface.mechanism))
        return Decision(error, self.rule, self.proven, self.refused, self.key_prefix)

    def _walk(self) -> None:
        path = normalise(self._question.path)
        self._trace(Step.PATH, path)
        rule = self._find_rule(path)
        self._trace(Step.RULE, rule)
        credential = self._credential(rule)
        self._trace(Step.CREDENTIAL, rule.surface.mechanism)
        proven = self._prove(credential, rule)
        self._trace(Step.PROVEN, proven)
        self._check_tenant(proven, rule)
        self._check_caller(proven, rule)

    def _find_rule(self, path: NormalPath) -> Rule:
        """Find the rule, by a snapshot that is known to hold wherever the answer is no."""
        question = self._question
        rule = self._snapshot.rule_for(question.method, path)
        if rule is None or (question.surfaces is not None and rule.surface.number not in question.surfaces):
            self._ask_version()
            raise NoRuleError(reason="no_rule")
        self.rule = rule
        if not rule.pattern.is_spelled(path.segments):
            # A server that ignores case may run what this rule, or a stricter one, guards.
            self._ask_version()
            raise AmbiguousPathError(reason="path:letter_case")
        if not (rule.is_enabled and rule.surface.is_enabled):
            self._ask_version()
            raise NoRuleError(reason="rule_disabled" if rule.surface.is_enabled else "surface_disabled")
        return rule

    def _credential(self, rule: Rule) -> str:
        if rule.surface.mechanism is Mechanism.API_KEY:
            return self._api_key()
        return self._bearer()

    def _api_key(self) -> str:
        """The one key; whatever is wrong with how it came, the caller learns no more than of a bad key."""
        try:
            credential = credential_in(self._question.headers)
        except StickerError as error:
            raise InvalidApiKeyError(reason=error.reason) from None
        self.key_prefix = prefix_of(credential)
        if not self.key_prefix and "." in credential:
            # A token where a key is due: the surface may have changed how it is opened.
            self._ask_version()
        return credential

    def _bearer(self) -> str:
        headers = self._question.headers
        found = [name for name in KEY_HEADERS if headers.get(name)]
        value = str(headers.get("HTTP_AUTHORIZATION") or "").strip()
        if len(found) > 1 or "," in value or (found and headers.get(STRAY_CREDENTIAL)):
            raise MultipleCredentialsError(reason="several_credentials")
        scheme, _, credential = value.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            if found:
                self._ask_version()
            raise UnauthorizedError(_NO_TOKEN, reason="unknown_scheme" if found else "no_credential")
        if " " in credential:
            raise MultipleCredentialsError(reason="several_credentials")
        if len(credential) > MAX_TOKEN_CHARS or not credential.isascii() or not credential.isprintable():
            raise InvalidAccessTokenError(reason="token_shape")
        self.key_prefix = prefix_of(credential)
        if self.key_prefix and len(credential) <= MAX_CREDENTIAL_CHARS:
            self._ask_version()
            raise InvalidAccessTokenError(reason="key_instead_of_token")
        return credential

    def _prove(self, credential: str, rule: Rule) -> Proven:
        surface, question = rule.surface, self._question
        kind = CredentialKind.API_KEY
        if surface.mechanism is Mechanism.JWT:
            kind = kind_of(credential, takes_player_tokens=surface.takes_player_tokens)
        host = self._host_tenant()
        shop = question.shop or question.tenant or (host.slug if host else "")
        try:
            proven = prove(credential, kind=kind, asked=Asked(surface.name, question.address, shop))
        except NotProvenError as refused:
            self.refused, self.version = refused, refused.version
            if kind is not CredentialKind.API_KEY:
                # The rules may say by now that the path is another surface's, or the host another tenant's.
                self._ask_version()
            raise not_known(rule, refused.reason) from None
        self.proven, self.version = proven, proven.standing.version
        if proven.surface not in (None, surface.name):
            raise not_known(rule, "other_surface")
        return proven

    def _check_tenant(self, proven: Proven, rule: Rule) -> None:
        """The tenant asked for, by host or header, is the credential's own; absent, it is not asked."""
        question, host = self._question, self._host_tenant()
        asked = [question.tenant, question.shop if rule.surface.takes_player_tokens else ""]
        own = (proven.partner_slug, str(proven.partner_id))
        if any(text and text.lower() not in own for text in asked):
            raise not_known(rule, "other_tenant")
        if host and (host.partner_id, host.environment) != (proven.partner_id, proven.environment):
            raise not_known(rule, "other_tenant")
        self._trace(Step.TENANT, proven)

    def _check_caller(self, proven: Proven, rule: Rule) -> None:
        if not proven.partner_is_active:
            raise PartnerSuspendedError(reason="partner_suspended")
        self._trace(Step.PARTNER, proven)
        if not proven.standing.covers(route_id=rule.id, surface=rule.surface.number):
            raise NotEntitledError(reason="not_entitled")
        self._trace(Step.ENTITLEMENT, proven)
        if rule.scope and rule.scope not in proven.scopes:
            raise ForbiddenError(f"This credential does not carry the scope '{rule.scope}'.", reason=f"scope:{rule.scope}")
        self._trace(Step.SCOPE, proven)

    def _host_tenant(self) -> Tenant | None:
        return self._snapshot.hosts.get(host_name(self._question.host)) if self._question.host else None

    def _ask_version(self) -> None:
        if self.version is None:
            self.version = rulebook.read_version()
