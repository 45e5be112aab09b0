"""The discovery document (OpenID Connect Discovery 1.0, RFC 8414)."""

from typing import Any

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages import languages
from fanfare.openid.queries.clients import issuer
from fanfare.openid.queries.keys import ALGORITHM
from fanfare.openid.schemas.clients import SCOPES

CLAIMS = (
    "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash",
    "name", "given_name", "family_name", "preferred_username", "picture", "gender", "birthdate", "updated_at",
    "email", "email_verified", "phone_number", "phone_number_verified",
)  # fmt: skip
AUTHENTICATION = ("client_secret_basic", "client_secret_post", "none")


async def configuration(db: Db, account_id: int) -> dict[str, Any]:
    """Return the document of an account's provider; Unknown (404) for the account."""
    await account_by_id(db, account_id)
    url = issuer(account_id)
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "userinfo_endpoint": f"{url}/userinfo",
        "jwks_uri": f"{url}/jwks",
        "revocation_endpoint": f"{url}/revoke",
        "end_session_endpoint": f"{url}/end_session",
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": AUTHENTICATION,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_supported": CLAIMS,
        "ui_locales_supported": languages.codes(),
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
