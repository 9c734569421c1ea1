"""What can go wrong with partners and keys, besides a bad credential."""

from core.errors import ConflictError, NotFoundError


class PartnerNotFoundError(NotFoundError):
    code = -72
    slug = "PARTNER_NOT_FOUND"
    title = "Partner not found"
    message = "No partner has this id."


class KeyNotFoundError(NotFoundError):
    code = -73
    slug = "KEY_NOT_FOUND"
    title = "Key not found"
    message = "No key has this kid."


class KeyNotRotatableError(ConflictError):
    code = -18
    slug = "KEY_NOT_ROTATABLE"
    title = "Key cannot be rotated"
    message = "This key is revoked or expired, or its successor is already in use. Rotate the newest key of the family."


class KeyStateError(ConflictError):
    code = -19
    slug = "KEY_STATE"
    title = "Not possible in this state"
    message = "The key's present state does not allow this."


class KeyAlreadyImportedError(ConflictError):
    code = -21
    slug = "KEY_ALREADY_IMPORTED"
    title = "Key already imported"
    message = "A key with this SHA-256 is already known."
