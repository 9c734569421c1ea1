"""What asking for a token may be refused with. Whatever was wrong with a login, the caller learns the same."""

from core.errors import ConflictError, InvalidRequestError, NotFoundError, UnauthorizedError


class LoginFailedError(InvalidRequestError):
    code = -46
    slug = "LOGIN_FAILED"
    title = "Login failed"
    message = "The e-mail address or the password is wrong, or this account may not sign in here."


class InvalidClientError(UnauthorizedError):
    code = -47
    slug = "INVALID_CLIENT"
    title = "Invalid client"
    message = "The client id or its secret is not accepted."


class InvalidGrantError(InvalidRequestError):
    code = -48
    slug = "INVALID_GRANT"
    title = "Invalid grant"
    message = "The token that was presented is not accepted. Sign in anew, or bring a new one."


class InvalidScopeError(InvalidRequestError):
    code = -49
    slug = "INVALID_SCOPE"
    title = "Invalid scope"
    message = "A scope was asked for that does not exist or may not be had."


class UnsupportedGrantTypeError(InvalidRequestError):
    code = -51
    slug = "UNSUPPORTED_GRANT_TYPE"
    title = "Unsupported grant type"
    message = "This address does not know that grant type."


class UnauthorizedClientError(InvalidRequestError):
    code = -52
    slug = "UNAUTHORIZED_CLIENT"
    title = "Not enabled"
    message = "This tenant may not have tokens for this surface. Ask for it to be enabled."


class AccountNotFoundError(NotFoundError):
    code = -78
    slug = "ACCOUNT_NOT_FOUND"
    title = "Account not found"
    message = "No account or client has this id or e-mail address."


class EmailTakenError(ConflictError):
    code = -27
    slug = "EMAIL_TAKEN"
    title = "E-mail address taken"
    message = "Another account has this e-mail address."


class AccountStateError(ConflictError):
    code = -28
    slug = "ACCOUNT_STATE"
    title = "Not possible now"
    message = "The account's state does not allow this."
