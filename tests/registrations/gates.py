"""Gates before the passes of a campaign: they ask, lose answers, and ask again."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import PATIENCE

Passes = list[dict[str, Any]]


async def some_campaign(api: Api, title: str = "Tideline passes") -> int:
    values = {"title": title, "app_type": "registration", "timezone": "Europe/London"}
    page_tab_id: int = (await api.ok(await api.post("/api/v1/manage/campaigns", **values)))["page_tab_id"]
    return page_tab_id


async def some_passes(api: Api, page_tab_id: int, **extra: Any) -> Passes:
    created: Passes = await api.ok(await api.post(f"/api/v1/manage/campaigns/{page_tab_id}/passes", **extra))
    return created


async def some_fan(api: Api, mail: str) -> int:
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=mail)))["fan_id"]
    return fan_id


@dataclass
class Gate:
    """A gate that asks for each pass until it is told, and keeps what it was told."""

    client: httpx.AsyncClient
    keys: dict[str, str]
    page_tab_id: int
    name: str
    chance: Random
    # how often it does not wait for its answer
    loses: float = 0.0
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    async def try_all(self, passes: Passes) -> None:
        for each in self.chance.sample(passes, len(passes)):
            by = self.chance.choice(("pass_code", "pass_uid"))
            await self._try(each["pass_uid"], {by: each[by], "gate_name": self.name, "check_in_key": each["pass_uid"]})

    async def _try(self, pass_uid: str, values: dict[str, str]) -> None:
        path = f"/api/v1/campaigns/{self.page_tab_id}/passes/check_in"
        while pass_uid not in self.answers:
            patience = 0.004 if self.chance.random() < self.loses else PATIENCE
            with suppress(TimeoutError, httpx.TransportError):
                query = self.client.post(path, json=values, headers=self.keys)
                answer = await asyncio.wait_for(query, patience)
                if answer.status_code in (200, 409):
                    self.answers[pass_uid] = answer
                    continue
                assert (answer.status_code, "retry-after" in answer.headers) == (503, True), answer.text
            await asyncio.sleep(0.01)


async def check_admissions(gates: list[Gate], passes: Passes, db: Db, account_id: int) -> None:
    """Each pass let one gate in, which is the one that is stored and that every other was told."""
    rows = await db.rows(
        "select pass_uid::text as pass_uid, gate_name, floor(extract(epoch from checked_in_at))::bigint as at"
        " from passes where account_id = $1",
        account_id,
    )
    saved = {row["pass_uid"]: row for row in rows}
    result: dict[str, list[tuple[Gate, httpx.Response]]] = defaultdict(list)
    for gate in gates:
        for pass_uid, answer in gate.answers.items():
            result[pass_uid].append((gate, answer))
    assert set(result) == {each["pass_uid"] for each in passes}
    for pass_uid, answers in result.items():
        where, when = saved[pass_uid]["gate_name"], saved[pass_uid]["at"]
        assert [gate.name for gate, answer in answers if answer.status_code == 200] == [where]
        for _, answer in answers:
            assert (answer.json()["gate_name"], answer.json()["check_in_timestamp"]) == (where, when)
    changes = await db.value(
        "select array_agg(subject_id) from changes where account_id = $1 and topic = 'pass.checked_in'", account_id
    )
    assert sorted(changes) == sorted(saved[pass_uid]["pass_uid"] for pass_uid in result)
