"""What can go wrong with issuers and their keys when staff change them."""

from core.errors import AlreadyExistsError, ConflictError, FieldProblem, InvalidRequestError, NotFoundError


class PlayerIssuerNotFoundError(NotFoundError):
    message = "No player issuer has this id."


class PlayerIssuerExistsError(AlreadyExistsError):
    """Partner, issuer and audience together name one row; the environment hangs on it."""

    def __init__(self) -> None:
        text = (
            "This partner has an issuer with this 'iss' and audience already. In the other environment, use another audience."
        )
        super().__init__(text, reason="player_issuer_exists", details=[FieldProblem("audience", text)])


class PlayerKeyRejectedError(InvalidRequestError):
    """A key that cannot be used; the text says why and repeats nothing of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text, reason="player_key", details=[FieldProblem("key", text)])


class PlayerKeyConflictError(ConflictError):
    """An act that the keys at hand do not allow."""
