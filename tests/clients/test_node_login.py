"""A Node service that logs fans in by `network=email` and a password and then reads them works unchanged."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.api import Api
from tests.sessions.logins import PASSWORD, registered

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("node_login.mjs")
LOGINS = 80


@pytest.mark.skipif(NODE is None, reason="node is not installed")
async def test_fans_log_in_over_32_sockets(api: Api, base_url: str) -> None:
    emails = [f"node{number}@example.com" for number in range(8)]
    sessions = {email: await registered(api, email, first_name=email[:5]) for email in emails}
    arguments = (base_url, api.keys["Api-Key"], ",".join(emails), PASSWORD, str(LOGINS))
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(NODE, str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    answer = json.loads(output)
    assert {each["status"] for each in answer["results"]} == {200}
    for each in answer["results"]:
        session = sessions[each["email"]]
        assert set(each["session"]) == set(session)
        assert each["fan"]["fan_id"] == each["session"]["fan_id"] == session["fan_id"]
        assert (each["fan"]["email"], each["fan"]["account_id"]) == (each["email"], api.account_id)
        # A strict reader refuses null where a text or number is meant.
        names = ("name", "first_name", "last_name", "province", "city", "country_code", "latitude", "longitude")
        assert [name for name in (*names, "email", "ip_address") if each["fan"].get(name, "") is None] == []
    assert len({each["session"]["session_uid"] for each in answer["results"]}) == LOGINS
    # 160 requests and more over the 32.
    assert answer["sockets"] <= 32
