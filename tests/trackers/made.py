"""One thing of each kind of trackers, for the rules over all calls."""

from typing import Any

from tests.trackers.links import TARGET


async def made_trackers(post: Any) -> dict[str, Any]:
    """Make a tracker and a virtual domain through the calls, and return their ids."""
    names = {"tracker_name": "Spring", "tracker_group_name": "Mail"}
    saved = await post("trackers", virtual_domain="localhost", target_url=TARGET, **names)
    domain = await post("manage/tracker_domains", virtual_domain="links.example.com")
    return {"tracker_id": saved["tracker_id"], "domain_id": domain["domain_id"]}
