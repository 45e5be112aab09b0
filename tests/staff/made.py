"""People, an invitation and a key of an account, as the calls make them."""

import uuid
from typing import Any

from tests.api import Api
from tests.console.people import accept
from tests.hosted.pages import relative, visitor


async def invited(post: Any, role: str = "full") -> Any:
    """Invite somebody new and return the invitation."""
    return await post("manage/staff_invitations", email=f"{uuid.uuid4()}@example.com", role=role)


async def made_staff(api: Api, post: Any, got: Any) -> dict[str, Any]:
    """Return a person who can be let go, an invitation that waits, and a key; single sign-on is set up."""
    for _ in range(2):
        invitation = await invited(post)
        async with visitor(str(api.client.base_url)) as client:
            assert (await accept(client, relative(invitation["invitation_url"]))).status_code == 303
    key = await post("manage/keys", key_name="website", scopes=["apps"])
    provider = {"issuer": "https://login.example.com", "sso_client_id": "fanfare", "email_domains": ["example.com"]}
    await post("manage/staff_sso", **provider)
    return {
        "staff_id": (await got("manage/staff"))[0]["staff_id"],
        "invitation_id": (await invited(post))["invitation_id"],
        "managed_key": key["managed_key"],
    }
