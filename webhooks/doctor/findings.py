"""What the signature doctor can say: the closed list of mistakes, and a finding as a person reads it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mistake(StrEnum):
    """One exact reason why a receiver refuses a delivery."""

    HEADER_MISSING = "header_missing"
    HEADER_RENAMED = "header_renamed"
    OTHER_FORMAT = "other_format"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_PREFIX = "signature_prefix"
    SIGNATURE_ENCODING = "signature_encoding"
    SIGNED_CONTENT = "signed_content"
    KEY_RULE = "key_rule"
    SECRET_UNTRIMMED = "secret_untrimmed"  # noqa: S105  # a mistake's name
    SECRET_OLD = "secret_old"  # noqa: S105
    SECRET_NOT_YET = "secret_not_yet"  # noqa: S105
    SECRET_OF_OTHER_ENDPOINT = "secret_of_other_endpoint"  # noqa: S105
    SECRET_UNKNOWN = "secret_unknown"  # noqa: S105
    BODY_RESERIALISED = "body_reserialised"
    BODY_LINE_ENDS = "body_line_ends"
    BODY_BYTE_ORDER_MARK = "body_byte_order_mark"
    BODY_WHITESPACE = "body_whitespace"
    BODY_CHARSET = "body_charset"
    BODY_EMPTY = "body_empty"
    ALTERED = "altered"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    TIMESTAMP_STALE = "timestamp_stale"
    TIMESTAMP_AHEAD = "timestamp_ahead"


TITLES: Final = {
    Mistake.HEADER_MISSING: "A header is missing",
    Mistake.HEADER_RENAMED: "A header has another name",
    Mistake.OTHER_FORMAT: "The signature is of another format",
    Mistake.SIGNATURE_MALFORMED: "The signature is cut off or garbled",
    Mistake.SIGNATURE_PREFIX: "What stands before the signature is wrong",
    Mistake.SIGNATURE_ENCODING: "The signature is written in the wrong encoding",
    Mistake.SIGNED_CONTENT: "The wrong content was signed",
    Mistake.KEY_RULE: "The secret was made into a key by the wrong rule",
    Mistake.SECRET_UNTRIMMED: "The secret has something around it",
    Mistake.SECRET_OLD: "The secret is an old one",
    Mistake.SECRET_NOT_YET: "The secret is not in force yet",
    Mistake.SECRET_OF_OTHER_ENDPOINT: "The secret belongs to another endpoint",
    Mistake.SECRET_UNKNOWN: "The secret belongs to none of the endpoints",
    Mistake.BODY_RESERIALISED: "The body was parsed and written again",
    Mistake.BODY_LINE_ENDS: "The body's line ends were changed",
    Mistake.BODY_BYTE_ORDER_MARK: "The body has a byte order mark",
    Mistake.BODY_WHITESPACE: "The body has white space around it",
    Mistake.BODY_CHARSET: "The body was read in the wrong character set",
    Mistake.BODY_EMPTY: "The body was empty when it was verified",
    Mistake.ALTERED: "Something was altered",
    Mistake.TIMESTAMP_MALFORMED: "The timestamp is not in seconds",
    Mistake.TIMESTAMP_STALE: "The timestamp is too old",
    Mistake.TIMESTAMP_AHEAD: "The timestamp is in the future",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake and what exactly it is here; the text names headers and places, never a secret or a signature."""

    mistake: Mistake
    text: str

    @property
    def title(self) -> str:
        """The mistake in a few words."""
        return TITLES[self.mistake]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor found. `fits` says whether the signature is right for headers, body and a valid secret as they are."""

    fits: bool
    findings: tuple[Finding, ...] = ()
