"""The errors of OAuth 2 and OpenID Connect; the name of each in snake_case is its code."""

from collections.abc import Mapping
from typing import ClassVar

from fanfare.kernel.errors import OAuthRefusal, Refusal, Unknown


class InvalidClient(OAuthRefusal):
    """The client is unknown, or did not authenticate with a valid secret"""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Basic realm="openid"'}
    # Codes and tokens of 256 bits are no guess worth counting. Whoever visits a shop can make its server send any code,
    # so counting those by address would lock the shop out.
    is_guess = True


class InvalidGrant(OAuthRefusal):
    """The code or refresh token is invalid, expired, already used, or was issued to another client"""


class InvalidScope(OAuthRefusal):
    """The scope is unknown, or more than was granted"""


class UnauthorizedClient(OAuthRefusal):
    """The token was issued to another client"""


class UnsupportedGrantType(OAuthRefusal):
    """grant_type must be authorization_code or refresh_token"""


class InvalidToken(OAuthRefusal):
    """The access token is invalid or has expired"""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class TokenMissing(InvalidToken):
    """An access token is required"""

    # RFC 6750: a request without a token is told no error.
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}

    @classmethod
    def code(cls) -> str:
        """Return the code of the RFC."""
        return InvalidToken.code()


class ClientUnknown(Unknown):
    """The application that sent you here is not registered"""

    def __init__(self) -> None:
        super().__init__(detail="Go back to the application and tell its operator.")


class RedirectUnknown(Refusal):
    """The application that sent you here asks to lead you to an address that it did not register"""

    def __init__(self) -> None:
        super().__init__("Go back to the application and tell its operator.")


class RequestExpired(Refusal):
    """The login took too long"""

    status = 410

    def __init__(self) -> None:
        super().__init__("Go back to the application and log in again.")
