"""How tests log fans in."""

from typing import Any

from tests.api import Answer, Api

PASSWORD = "correct horse"
CONNECT = "/api/v1/sessions/connect"


async def connect(api: Api, network: str = "", **values: Any) -> Any:
    """Return what a step answers to a site, which has the public key alone."""
    return await api.ok(await try_connect(api, network, **values))


async def try_connect(api: Api, network: str = "", **values: Any) -> Answer:
    return await api.public_post(CONNECT, network=network, **values)


async def registered(api: Api, email: str, **values: Any) -> Any:
    """Return the session of a new fan with a password."""
    return await connect(api, "register", email=email, password=PASSWORD, **values)


async def fan_of(api: Api, session_uid: str) -> Answer:
    return await api.public_get(f"/api/v1/sessions/{session_uid}/fan")


async def change(api: Api, session_uid: str, **values: Any) -> Answer:
    return await api.public_post(f"/api/v1/sessions/{session_uid}/fan", **values)
