"""A fan's records on streams: merged, exported and erased with the fan."""

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.streams.test_records import ids, new_stream, submit
from tests.streams.test_summary import check_counts


async def fan(api: Api, email: str) -> int:
    return int((await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"])


async def test_records_go_with_their_fan(api: Api, db: Db) -> None:
    key = await new_stream(api)
    early = await submit(api, key, "before the fan", email="Zoë@example.com")
    fan_id = await fan(api, "zoë@example.com")
    await submit(api, key, "of the fan", email="zoë@example.com")
    bea = await submit(api, key, "of another", email="bea@example.com")
    old_fan_id = await fan(api, "zoe.old@example.com")
    await submit(api, key, "of the merged fan", email="zoe.old@example.com")
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=old_fan_id))
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/export"))
    captions = {row["caption"] for row in export["tables"]["stream_records"]}
    assert {"of the fan", "of the merged fan"} <= captions
    assert len(await ids(api, key)) == 4
    assert early in await ids(api, key)
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    assert await ids(api, key) == [bea]
    texts = await db.rows(
        "select to_jsonb(t)::text as text from stream_authors t where account_id = $1"
        " union all select to_jsonb(t)::text from stream_records t where account_id = $1",
        api.account_id,
    )
    assert [row["text"] for row in texts if "zo" in row["text"].lower()] == []
    await check_counts(db, api, key)
