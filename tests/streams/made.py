"""What streams make for the rules over all calls."""

from typing import Any


async def made_streams(post: Any, got: Any) -> dict[str, Any]:
    """Return a stream with a record and its author, and a stream to delete."""
    v: dict[str, Any] = {}
    stream = {"stream_name": "Match day", "trust_level": "open", "is_public": True}
    v["stream_key"] = (await post("manage/streams", **stream))["stream_key"]
    v["spare_stream_key"] = (await post("manage/streams", **stream))["stream_key"]
    records = f"streams/{v['stream_key']}/records"
    v["feed_record_id"] = (await post(records, email="ada@example.com", name="Ada", caption="Go!"))["feed_record_id"]
    v["author_id"] = (await got(records))["data"][0]["author_id"]
    feed = {"source_kind": "feed", "url": "https://127.0.0.1:9/feed.xml"}
    v["source_id"] = (await post(f"manage/streams/{v['stream_key']}/sources", **feed))["source_id"]
    return v
