"""What logins make for the rules over all calls: sessions, passkeys, identities."""

from typing import Any

from tests.identity_provider import CLIENT_ID, KEYS, identity_provider
from tests.passkeys.logins import made_passkeys


async def made_sessions(post: Any, got: Any) -> dict[str, Any]:
    """Return the sessions of two guests, and of a fan with passkeys."""
    guests = [await post("sessions/connect") for _ in range(2)]
    member = await post("sessions/connect", network="register", email="kim@example.com")
    rows = await got(f"manage/fans/{member['fan_id']}/sessions")
    return {
        **await made_passkeys(post, member["account_id"], member["session_uid"], rows[0]["session_id"]),
        "session_uid": guests[0]["session_uid"],
        "spare_session_uid": guests[1]["session_uid"],
        "session_id": rows[0]["session_id"],
        "erasure_request_id": (await post("manage/erasure_requests", fan_id=member["fan_id"]))["erasure_request_id"],
        "client_id": (
            await post("manage/openid_clients", client_name="Shop", redirect_uris=["https://www.example.com/login"])
        )["client_id"],
    }


async def made_identities(post: Any, got: Any, fan_id: int) -> dict[str, Any]:
    """Return an identity provider, and an identity of the fan there."""
    issuer = "https://id.example.com"
    with identity_provider() as running:
        client = {"issuer": issuer, "client_ids": [CLIENT_ID], "jwks_url": f"{running.url}{KEYS}"}
        provider_id = (await post("manage/identity_providers", **client, is_email_trusted=True))["provider_id"]
        token = running.token(iss=issuer, email="ada@example.com", email_verified=True)
        await post("sessions/connect", network="oidc", provider=issuer, id_token=token)
    # Its port is another for each account.
    await post(f"manage/identity_providers/{provider_id}", jwks_url="")
    (linked,) = await got(f"manage/fans/{fan_id}/identities")
    return {"provider_id": provider_id, "identity_id": linked["identity_id"]}
