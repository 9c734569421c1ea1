"""The doors where a leaked credential is reported: by anyone, and by GitHub's secret scanning."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api import ApiView
from core.errors import NotFoundError, PayloadTooLargeError, ServiceUnavailableError, UnsupportedMediaTypeError
from core.fields import validated
from core.http import context_of
from core.principals import Actor, ActorKind
from core.responses import json_response
from partners.limits import refused, take
from surfaces import leak_shapes as shapes
from surfaces.leaks import github
from surfaces.leaks.github_keys import key_cache
from surfaces.services.leaks import Finding, LeakSource, report_leaks

# Ending a key takes longer than finding nothing; no report is answered sooner than this.
ANSWER_SECONDS: Final = 0.05
_MAX_BODY: Final = "The body is larger than 1 MiB."


class LeakReportView(ApiView):
    """Have a credential ended that was found where it should not be: whoever holds it may.

    The answer is the same, and takes the same time, whether it was one of ours, was dead already, or never existed.
    """

    @extend_schema(
        operation_id="leak_report",
        summary="Report a leaked credential",
        request=shapes.LeakReport,
        responses={202: shapes.LeakReceived},
    )
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        _limit(http, "leak")
        fields = validated(shapes.LeakReport, self.read_body(request))
        finding = Finding(fields["credential"], LeakSource.ANYONE, fields["url"], fields["comment"])
        with _same_time():
            report_leaks([finding], actor=Actor(ActorKind.ANONYMOUS, "unknown", "", context_of(http)))
        return json_response(shapes.RECEIVED, status=202)


class GithubLeaksView(ApiView):
    """Where GitHub's secret scanning reports what it found in public; each call is signed by GitHub.

    A credential that is ours is ended at once, and its finding labelled a true positive.
    """

    @extend_schema(
        operation_id="leaks_github",
        summary="Findings of GitHub's secret scanning",
        request=shapes.GithubFinding(many=True),
        responses=shapes.GithubLabel(many=True),
    )
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        items = github.read_items(_signed_body(http))
        findings = [Finding(item.token, LeakSource.GITHUB, item.url, item.source) for item in items]
        actor = Actor(ActorKind.ANONYMOUS, "github", "GitHub secret scanning", context_of(http))
        outcomes = report_leaks(findings, actor=actor)
        labels = list(github.labels(items, [each.is_genuine for each in outcomes]))
        return HttpResponse(orjson.dumps(labels), content_type="application/json", headers={"Cache-Control": "no-store"})


def _signed_body(request: HttpRequest) -> bytes:
    """The body, once it is certain that GitHub sent it. Only failures count against an address."""
    if not settings.GITHUB_KEYS_URL:
        raise NotFoundError(reason="github_leaks_off")
    declared = str(request.META.get("CONTENT_LENGTH") or "0")
    if not declared.isdecimal() or int(declared) > github.MAX_BODY_BYTES:
        raise PayloadTooLargeError(_MAX_BODY)
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError(reason="media_type")
    try:
        github.check_signature(
            request.body,
            identifier=str(request.META.get("HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER", "")),
            signature=str(request.META.get("HTTP_GITHUB_PUBLIC_KEY_SIGNATURE", "")),
            keys=key_cache(settings.GITHUB_KEYS_URL),
        )
    except github.NotSignedError:
        _limit(request, "leak-github")
        raise
    return request.body


def _limit(request: HttpRequest, door: str) -> None:
    verdict = take(f"{door}:{context_of(request).address}", limit=settings.LEAK_REPORTS_PER_MINUTE)
    if not verdict.is_allowed:
        raise refused(verdict)


@contextmanager
def _same_time() -> Iterator[None]:
    """Let a block take as long whatever it does. One at a time in a process: waiting must not use its threads up."""
    if not _slot.acquire(blocking=False):
        raise ServiceUnavailableError(reason="leak_report_busy")
    try:
        began = time.monotonic()
        yield
        time.sleep(max(0.0, ANSWER_SECONDS - (time.monotonic() - began)))
    finally:
        _slot.release()


_slot: Final = threading.Lock()
