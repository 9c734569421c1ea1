"""The signature doctor's REST door: a delivery as it arrived goes in, the exact mistake comes out."""

import base64
import binascii
from typing import Any, ClassVar, Final
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from core.errors import FieldProblem, InvalidRequestError
from core.fields import StrictTextField, validated
from core.principals import Principal
from core.responses import json_response
from core.strict_json import JsonObject
from partners.authentication import KeyedView, principal_of
from partners.limits import refused, take
from webhooks.doctor import Diagnosis, Mistake
from webhooks.formats import SignatureFormat
from webhooks.services.diagnoses import Sample, diagnose_delivery
from webhooks.services.locks import find_endpoint
from webhooks.shapes import InstantField

# Each diagnosis tries hundreds of signatures.
DIAGNOSES_PER_MINUTE: Final = 60
_MAX_HEADER_CHARS: Final = 4096


class DiagnoseRequest(serializers.Serializer[Any]):
    headers = serializers.DictField(
        child=StrictTextField(max_length=_MAX_HEADER_CHARS, allow_blank=True), help_text="As they arrived; at least ours."
    )
    body = StrictTextField(
        trim_whitespace=False, allow_blank=True, required=False, help_text="The body as your code has it, as text."
    )
    body_base64 = StrictTextField(required=False, help_text="The same as bytes, where text would lose something.")
    signature_format = serializers.ChoiceField(
        [each.value for each in SignatureFormat],
        required=False,
        help_text="How your code verifies; else the endpoint's format.",
    )
    received_at = InstantField(required=False, help_text="When it arrived; else now.")
    computed = StrictTextField(
        max_length=_MAX_HEADER_CHARS, required=False, help_text="The signature that your code computed, if it says."
    )


class FindingShape(serializers.Serializer[Any]):
    mistake = serializers.ChoiceField([each.value for each in Mistake])
    title = serializers.CharField()
    text = serializers.CharField(help_text="What exactly it is here. It never holds a secret or a signature.")


class DiagnosisAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    fits = serializers.BooleanField(help_text="Whether the signature is right for these headers and this body as they are.")
    findings = FindingShape(many=True, help_text="Every mistake that can be named; none when all is well.")


class DiagnoseDelivery(KeyedView):
    """The signature doctor."""

    required_scopes: ClassVar = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="webhook_diagnose",
        summary="Find out why a signature does not fit",
        request=DiagnoseRequest,
        responses=DiagnosisAnswer,
    )
    def post(self, request: Request, endpoint_id: UUID) -> HttpResponse:
        """Say what is wrong with a delivery as your receiver got it: which rule was broken, by which side of it.

        Give the headers and the body, and what your code computed if you have it. Never send a secret: ours are known here.
        """
        principal = principal_of(request)
        sample = _read_sample(self.read_body(request))
        endpoint = find_endpoint(principal, endpoint_id)
        _take(principal)
        return json_response(_answer(diagnose_delivery(endpoint, sample=sample)))


def _take(principal: Principal) -> None:
    bucket = f"diagnose:{principal.partner_id}:{principal.environment.value}"
    verdict = take(bucket, limit=DIAGNOSES_PER_MINUTE)
    if not verdict.is_allowed:
        raise refused(verdict)


def _read_sample(body: JsonObject) -> Sample:
    fields = validated(DiagnoseRequest, body)
    given = fields.pop("signature_format", None)
    return Sample(
        headers=fields["headers"],
        body=_body_of(fields),
        signature_format=SignatureFormat(given) if given else None,
        received_at=fields.get("received_at"),
        computed=fields.get("computed", ""),
    )


def _body_of(fields: dict[str, Any]) -> bytes:
    if ("body" in fields) == ("body_base64" in fields):
        raise _wrong("body", "Send either body or body_base64.")
    if "body" in fields:
        return str(fields["body"]).encode()
    try:
        return base64.b64decode(fields["body_base64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong("body_base64", "This is not base64.") from error


def _wrong(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="field", details=[FieldProblem(field, message)])


def _answer(found: Diagnosis) -> JsonObject:
    findings = [{"mistake": each.mistake.value, "title": each.title, "text": each.text} for each in found.findings]
    return {"success": True, "fits": found.fits, "findings": findings}
