"""How tests add passkeys and log in by them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fanfare.passkeys.actions.challenges import Challenge
from tests.api import Answer, Api
from tests.passkeys.authenticator import ORIGIN, RP_ID, Authenticator, b64
from tests.sessions.logins import connect, registered, try_connect


async def with_origin(api: Api) -> Api:
    """Register the origin of the tests for an account."""
    await api.ok(await api.post("/api/v1/manage/passkey_origins", origin=ORIGIN, rp_id=RP_ID))
    return api


def path(session_uid: str, rest: str = "") -> str:
    return f"/api/v1/sessions/{session_uid}/passkeys{rest}"


async def creation_options(api: Api, session_uid: str) -> Any:
    return (await api.ok(await api.public_post(path(session_uid, "/options"))))["passkey_options"]


async def try_add(api: Api, session_uid: str, device: Authenticator, **wrong: Any) -> Answer:
    credential = device.register(await creation_options(api, session_uid), **wrong)
    return await api.public_post(path(session_uid), credential=credential, passkey_name="Phone")


async def add(api: Api, session_uid: str, device: Authenticator) -> Any:
    """Return the passkey that a device made for the fan of a session."""
    return await api.ok(await try_add(api, session_uid, device))


async def fan_with_passkey(api: Api, email: str, device: Authenticator | None = None) -> tuple[Any, Authenticator]:
    """Return the session of a new fan, and the device that has a passkey of the fan."""
    device = device or Authenticator()
    session = await registered(api, email)
    await add(api, session["session_uid"], device)
    return session, device


async def login_options(api: Api, **values: Any) -> Any:
    return (await connect(api, "passkey_options", **values))["passkey_options"]


async def try_log_in(api: Api, device: Authenticator, **wrong: Any) -> Answer:
    return await try_connect(api, "passkey", credential=device.log_in(await login_options(api), **wrong))


async def log_in(api: Api, device: Authenticator, **values: Any) -> Any:
    """Return the session that a device opens."""
    return await connect(api, "passkey", credential=device.log_in(await login_options(api)), **values)


async def made_passkeys(post: Any, account_id: int, session_uid: str, session_id: int) -> dict[str, Any]:
    """Return an origin and two passkeys of a session's fan, and what answers further challenges of it."""
    origin = await post("manage/passkey_origins", origin=ORIGIN, rp_id=RP_ID)

    def answer() -> dict[str, Any]:
        """Return what a browser answers to a challenge of this session; each works once."""
        expires_at = datetime.now(UTC) + timedelta(minutes=5)
        challenge = Challenge(account_id, "registration", RP_ID, expires_at, session_id, b"x" * 32)
        user = {"id": b64(challenge.user_handle)}
        return Authenticator().register({"rp": {"id": RP_ID}, "user": user, "challenge": b64(challenge.seal())})

    path = f"sessions/{session_uid}/passkeys"
    ids = [(await post(path, credential=answer()))["passkey_id"] for _ in range(2)]
    return {
        "passkey_origin_id": origin["passkey_origin_id"],
        "passkey_id": ids[0],
        "spare_passkey_id": ids[1],
        "member_session_uid": session_uid,
        "passkey_answer": answer,
    }
