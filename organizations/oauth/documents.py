"""An organization's data as a provider describes it: its own names for fields translated, then read as strictly as a setup."""
# ruff: noqa: N815  # camelCase on the wire

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rest_framework import serializers

from core.errors import InvalidRequestError
from core.fields import StrictEmailField, validated
from core.strict_json import JsonObject, read_json
from organizations.address_shapes import AddressShape
from organizations.addresses import PostalAddress
from organizations.fields import OPTIONAL, OPTIONAL_TEXT, ExternalIdField, LineField
from organizations.oauth.data import MAX_DOCUMENT_BYTES
from organizations.oauth.failures import Meaning, ProviderFailureError
from organizations.sync_reasons import SyncReason

MAX_SYNCED_USERS: Final = 5_000
MAX_SYNCED_ADDRESSES: Final = 50
MAX_PROBLEMS: Final = 20
FieldTree = Mapping[str, Any]

_ADDRESS: Final[FieldTree] = {name: {} for name in ("line1", "line2", "city", "province", "postalCode", "country")}
_PERSON: Final[FieldTree] = {name: {} for name in ("firstName", "lastName", "email", "phoneNumber")}
_FIELDS: Final[FieldTree] = {
    "internalOrgId": {},
    "organizationName": {},
    "organizationEmail": {},
    "organizationPhone": {},
    "billingAddress": _ADDRESS,
    "shippingLocations": _ADDRESS,
    "internalUserId": {},
    "user": _PERSON,
    "userAddress": _ADDRESS,
    "users": {"internalUserId": {}, **_PERSON, "userAddress": _ADDRESS},
}
_IDS: Final = frozenset({"internalOrgId", "internalUserId"})


@dataclass(frozen=True, slots=True)
class SyncedUser:
    """A user as the provider describes them; None is a field it does not speak of."""

    external_id: str
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    address: PostalAddress | None

    def told(self) -> dict[str, str]:
        """The fields the provider speaks of."""
        fields = {"first_name": self.first_name, "last_name": self.last_name, "email": self.email, "phone": self.phone}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class OrganizationDocument:
    """An organization as the provider describes it; None is a field it does not speak of.

    `users` are all there are; `others` are users it speaks of without saying that they are all.
    """

    external_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    billing: tuple[PostalAddress, ...] | None
    shipping: tuple[PostalAddress, ...] | None
    users: tuple[SyncedUser, ...] | None
    others: tuple[SyncedUser, ...]

    def told(self) -> dict[str, str]:
        """The organization's own fields that the provider speaks of."""
        fields = {"name": self.name, "email": self.email, "phone": self.phone}
        return {name: value for name, value in fields.items() if value is not None}


def field_names() -> Iterator[str]:
    """Every field whose name at the provider may be another, as `users.email`."""
    yield from _paths(_FIELDS, "")


def read_document(body: bytes, *, names: Mapping[str, str]) -> OrganizationDocument:
    """Read what a provider answered; `names` says what it calls our fields, as a path of names from where the field stands.

    Raises: ProviderFailureError naming the wrong fields, never their values.
    """
    try:
        said = read_json(body, max_bytes=MAX_DOCUMENT_BYTES)
    except InvalidRequestError as error:
        raise _unusable((("", error.text),)) from error
    try:
        fields = validated(OrganizationShape, translate(said, names))
    except InvalidRequestError as error:
        raise _unusable(tuple((each.field, each.message) for each in error.details)) from error
    return _document(fields)


def translate(said: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """Bring a provider's document into our names; what it holds besides is dropped."""
    return _translated(said, _FIELDS, names, "")


class PersonShape(serializers.Serializer[Any]):
    firstName = LineField(max_length=100, source="first_name", **OPTIONAL)
    lastName = LineField(max_length=100, source="last_name", **OPTIONAL)
    email = StrictEmailField(**OPTIONAL)
    phoneNumber = LineField(max_length=32, source="phone", **OPTIONAL_TEXT)


class UserShape(PersonShape):
    internalUserId = ExternalIdField(source="external_id")
    userAddress = AddressShape(source="address", **OPTIONAL)


class OrganizationShape(serializers.Serializer[Any]):
    """Setup's fields, each optional, and `users`."""

    internalOrgId = ExternalIdField(source="external_id", **OPTIONAL)
    organizationName = LineField(max_length=200, source="name", **OPTIONAL)
    organizationEmail = StrictEmailField(source="email", **OPTIONAL_TEXT)
    organizationPhone = LineField(max_length=32, source="phone", **OPTIONAL_TEXT)
    billingAddress = AddressShape(source="billing", **OPTIONAL)
    shippingLocations: Any = serializers.ListSerializer(
        child=AddressShape(), source="shipping", max_length=MAX_SYNCED_ADDRESSES, **OPTIONAL
    )
    internalUserId = ExternalIdField(source="user_id", **OPTIONAL)
    user = PersonShape(**OPTIONAL)
    userAddress = AddressShape(source="user_address", **OPTIONAL)
    users: Any = serializers.ListSerializer(child=UserShape(), max_length=MAX_SYNCED_USERS, **OPTIONAL)


def _document(fields: Mapping[str, Any]) -> OrganizationDocument:
    billing, shipping, users = fields.get("billing"), fields.get("shipping"), fields.get("users")
    one = fields.get("user_id")
    single = {**(fields.get("user") or {}), "external_id": one, "address": fields.get("user_address")}
    return OrganizationDocument(
        external_id=fields.get("external_id"),
        name=fields.get("name"),
        email=fields.get("email"),
        phone=fields.get("phone"),
        billing=(billing,) if billing is not None else None,
        shipping=tuple(shipping) if shipping is not None else None,
        users=_once_each(users) if users is not None else None,
        others=_once_each([single]) if one is not None else (),
    )


def _once_each(users: Sequence[Mapping[str, Any]]) -> tuple[SyncedUser, ...]:
    """A user who is described twice counts as described last."""
    by_id = {
        each["external_id"]: SyncedUser(
            external_id=each["external_id"],
            first_name=each.get("first_name"),
            last_name=each.get("last_name"),
            email=each.get("email"),
            phone=each.get("phone"),
            address=each.get("address"),
        )
        for each in users
    }
    return tuple(by_id.values())


def _unusable(problems: tuple[tuple[str, str], ...]) -> ProviderFailureError:
    return ProviderFailureError(Meaning.LATER, SyncReason.BAD_DOCUMENT, http_status=200, problems=problems[:MAX_PROBLEMS])


def _translated(said: JsonObject, tree: FieldTree, names: Mapping[str, str], prefix: str) -> JsonObject:
    found: JsonObject = {}
    for name, below in tree.items():
        is_there, value = _dig(said, names.get(prefix + name, name))
        if is_there:
            found[name] = _plain(name, value) if not below else _inner(value, below, names, f"{prefix}{name}.")
    return found


def _inner(value: object, tree: FieldTree, names: Mapping[str, str], prefix: str) -> object:
    if isinstance(value, dict):
        return _translated(value, tree, names, prefix)
    if isinstance(value, list):
        return [_translated(each, tree, names, prefix) if isinstance(each, dict) else each for each in value]
    return value


def _dig(said: JsonObject, path: str) -> tuple[bool, object]:
    value: object = said
    for step in path.split("."):
        if not isinstance(value, dict) or step not in value:
            return False, None
        value = value[step]
    return True, value


def _plain(name: str, value: object) -> object:
    """A number is a usual id at providers, and is our text of the same digits."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if name in _IDS and is_number else value


def _paths(tree: FieldTree, prefix: str) -> Iterator[str]:
    for name, below in tree.items():
        yield prefix + name
        yield from _paths(below, f"{prefix}{name}.")
