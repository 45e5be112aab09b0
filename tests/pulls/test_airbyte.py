"""The manifest for Airbyte, checked by Airbyte's own tools and read from a server, each stream.

`make pulls` runs this: the tools are in an environment of their own.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api import Api
from tests.running import PATIENCE

ROOT = Path(__file__).parents[2]
COMMAND = os.environ.get("FANFARE_AIRBYTE", "")
pytestmark = pytest.mark.skipif(not COMMAND, reason="`make pulls` has Airbyte's tools")
MANIFEST = yaml.safe_load((ROOT / "integrations/airbyte/manifest.yaml").read_text("utf-8"))
FANS = "/api/v1/crm/fans"


class Airbyte:
    """Airbyte's command for manifests."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self._folder = folder
        self._config = self._file("config", {**config, "__injected_declarative_manifest": MANIFEST})

    def _file(self, name: str, content: Any) -> str:
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(content))
        return str(path)

    async def run(self, action: str, *options: str) -> list[dict[str, Any]]:
        """Return the messages of an action."""
        words = [action, "--config", self._config, *options]
        program = await asyncio.create_subprocess_exec(
            COMMAND, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE):
            output, errors = await program.communicate()
        assert program.returncode == 0, (output + errors).decode()[-4000:]
        return [json.loads(line) for line in output.splitlines()]

    async def read(
        self, streams: list[dict[str, Any]], state: list[Any] | None = None
    ) -> tuple[dict[str, list[dict[str, Any]]], list[Any]]:
        """Return the records of streams by name, and the state for the next run."""
        configured = [
            {
                "stream": each,
                "sync_mode": each["supported_sync_modes"][-1],
                "destination_sync_mode": "append",
            }
            for each in streams
        ]
        options = ["--catalog", self._file("catalog", {"streams": configured})]
        options += ["--state", self._file("state", state)] if state else []
        records: dict[str, list[dict[str, Any]]] = {each["name"]: [] for each in streams}
        states = {}
        for message in await self.run("read", *options):
            if message["type"] == "RECORD":
                records[message["record"]["stream"]].append(message["record"]["data"])
            if message["type"] == "STATE":
                states[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
        return records, list(states.values())


async def filled(api: Api) -> list[int]:
    """Make two fans with what each stream has, and return their ids."""
    ids = []
    for name in ("ada", "bea"):
        fan_id = (await api.ok(await api.post(FANS, email=f"{name}@example.com", first_name=name)))["fan_id"]
        await api.ok(await api.post(f"{FANS}/{fan_id}/activities", campaign_title="Quiz", field_team=name))
        ids.append(fan_id)
    await api.ok(await api.post("/api/v1/manage/businesses", business_name="Shop"))
    point_uid = (await api.ok(await api.post("/api/v1/manage/points", point_name="Loyalty")))["point_uid"]
    await api.ok(await api.post("/api/v1/crm/fan_points", point_uid=point_uid, fan_id=ids[0], point_count=5))
    ticket = {
        "first_name": "Ada", "last_name": "Okoro", "email": "ada@example.com", "event_name": "Opener",
        "purchase_timestamp": "2026-05-01 10:00:00", "paid_amount": "20.50", "num_seats": 2, "event_date": "2026-06-01",
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/tickets", **ticket))
    return ids


async def streams_of(airbyte: Airbyte) -> list[dict[str, Any]]:
    """Return the streams of the manifest, as Airbyte finds them."""
    (catalog,) = [each for each in await airbyte.run("discover") if each["type"] == "CATALOG"]
    streams: list[dict[str, Any]] = catalog["catalog"]["streams"]
    names = {each.get("name") or each["$parameters"]["name"] for each in MANIFEST["streams"]}
    assert {each["name"] for each in streams} == names
    return streams


async def test_each_stream_is_read(api: Api, base_url: str, tmp_path: Path) -> None:
    ids = await filled(api)
    airbyte = Airbyte(tmp_path, {"url": base_url, "api_secret": api.keys["Api-Secret"]})
    (check,) = [each for each in await airbyte.run("check") if each["type"] == "CONNECTION_STATUS"]
    assert check["connectionStatus"]["status"] == "SUCCEEDED", check
    streams = await streams_of(airbyte)
    records, state = await airbyte.read(streams)
    changes = await api.ok(await api.get("/api/v1/manage/changes", limit=1000))
    assert {name: len(rows) for name, rows in records.items()} == {
        "businesses": 1, "campaigns": 1, "ticket_events": 1, "fans": 2, "activities": 2, "tickets": 1, "points": 1,
        "changes": len(changes),
    }  # fmt: skip
    assert {row["email"] for row in records["fans"]} == {"ada@example.com", "bea@example.com"}
    # What follows is read from the feed by its position: a merge, and a deletion.
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids[0]}/merge", merged_fan_id=ids[1]))
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids[0]}/erase"))
    feed = [each for each in streams if each["name"] == "changes"]
    newer = (await airbyte.read(feed, state))[0]["changes"]
    topics = [row["topic"] for row in newer]
    assert "fan.merged" in topics
    assert topics[-1] == "fan.deleted"
    assert min(row["position"] for row in newer) > max(row["position"] for row in records["changes"])


async def test_a_wrong_secret_is_said(api: Api, base_url: str, tmp_path: Path) -> None:
    del api
    airbyte = Airbyte(tmp_path, {"url": base_url, "api_secret": "wrong"})
    (check,) = [each for each in await airbyte.run("check") if each["type"] == "CONNECTION_STATUS"]
    assert check["connectionStatus"]["status"] == "FAILED"
