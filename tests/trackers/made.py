"""One thing of each kind of trackers, for the rules over all calls."""

from typing import Any

from tests.trackers.links import TARGET


async def made_trackers(post: Any) -> dict[str, Any]:
    """Make a tracker through the calls, and return its id."""
    tracker = {
        "virtual_domain": "localhost",
        "target_url": TARGET,
        "tracker_name": "Spring",
        "tracker_group_name": "Mail",
    }
    return {"tracker_id": (await post("trackers", **tracker))["tracker_id"]}
