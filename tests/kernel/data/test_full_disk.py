"""R3: where the database's disk is full, writes end with 503 and are taken again once there is room; reads go on."""

from fanfare.kernel.data.db import Db
from tests.api import Api

# What PostgreSQL says when it cannot extend a file, for each new row of a fan.
FULL = """
    create function disk_is_full() returns trigger language plpgsql as $$
    begin
        raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
    end $$;
    create trigger disk_is_full before insert on fans execute function disk_is_full();
"""
ROOM = "drop trigger disk_is_full on fans; drop function disk_is_full()"


async def test_writes_wait_for_room_on_the_disk_and_reads_go_on(api: Api, db: Db) -> None:
    ada = {"email": "ada@example.com", "first_name": "Ada"}
    await db.execute(FULL)
    refused = await api.post("/api/v1/crm/fans", **ada)
    listed = await api.get("/api/v1/crm/fans")
    ready = await api.client.get("/readyz")
    await db.execute(ROOM)
    assert (refused.status_code, listed.status_code, ready.status_code) == (503, 200, 200), refused.text
    assert int(refused.headers["Retry-After"]) > 0
    # It is no fault of the program, and not told in PostgreSQL's words.
    assert "internal error" not in refused.text
    assert "No space" not in refused.text
    assert listed.json()["data"] == []
    assert (await api.ok(await api.post("/api/v1/crm/fans", **ada)))["fan_id"]
