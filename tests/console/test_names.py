"""Names of other scripts in sentences of the Manage Centre."""

import re

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in


async def test_a_name_from_right_to_left_can_be_taken_from_the_sentence(base_url: str, db: Db, api: Api) -> None:
    new = {"email": "right@example.com", "first_name": "שרה", "last_name": "(כהן)"}
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **new)))["fan_id"]
    path = f"/manage/{api.account_id}/fans/{fan_id}/erase"
    async with signed_in(base_url, db, api.account_id) as client:
        match = re.search("name to erase: (.+?)<", (await client.get(path)).text)
        assert match
        # Its direction ends with it.
        assert match[1] == "\u2068שרה (כהן)\u2069"
        assert (await send(client, path, typed_name=match[1])).status_code == 303
