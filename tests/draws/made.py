"""Draws of each kind that calls need, for the rules over all calls."""

from typing import Any

# Calls about a draw that took place, and about one that is withdrawn.
DRAW_CALLS = {
    ("manage_draws_replace", "draw_uid"): "completed_draw_uid",
    ("manage_draws_withdraw", "draw_uid"): "spare_draw_uid",
}


async def made_draws(post: Any, got: Any) -> dict[str, str]:
    """Make them for a campaign and return their ids by the name of the parameter that takes them.

    One fan takes part, who wins whatever the seed: what calls answer about the fan is the same each time.
    """
    fan_id = (await got("crm/activities", limit=200))["data"][-1]["fan_id"]
    await post(f"crm/fans/{fan_id}/activities", campaign_title="Prize draw")
    campaign = (await got("crm/campaigns", q="Prize draw"))[-1]
    uids = [
        (await post("manage/draws", page_tab_id=campaign["page_tab_id"], winner_count=1, winners_excluded="none"))[
            "draw_uid"
        ]
        for _ in range(3)
    ]
    await post(f"manage/draws/{uids[2]}/complete")
    return {"draw_uid": uids[0], "spare_draw_uid": uids[1], "completed_draw_uid": uids[2]}
