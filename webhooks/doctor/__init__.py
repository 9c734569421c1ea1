"""Why does a receiver refuse this delivery? Pure code: headers, body and secrets in, named mistakes out."""

from webhooks.doctor.diagnosis import Case, diagnose
from webhooks.doctor.findings import TITLES, Diagnosis, Finding, Mistake
from webhooks.doctor.headers import guess_format, parse_headers
from webhooks.doctor.secrets import KnownSecret, Standing

__all__ = [
    "TITLES",
    "Case",
    "Diagnosis",
    "Finding",
    "KnownSecret",
    "Mistake",
    "Standing",
    "diagnose",
    "guess_format",
    "parse_headers",
]
