"""One thing of each kind that performances have, for the rules over all calls."""

from typing import Any

# Calls whose page_tab_id is that of a quest.
QUEST_CALLS = ("manage_quests_completions", "performance_quests_delete", "sessions_quests_visit")


async def made_performance(post: Any, performance_uid: str, fan_id: int) -> dict[str, Any]:
    """Make them and return their ids by the name of the parameter that takes them."""
    portal: dict[str, Any] = await post("portals", portal_name="Promoters", performance_group_name="Summer")
    quest = {"quest_title": "Sponsor", "quest_type": "link", "link_url": "https://sponsor.example"}
    created = await post(f"performances/{performance_uid}/quests", **quest)
    reward = {"reward_title": "Pin", "reward_type": "custom", "fan_points_required": 0}
    reward |= {"code_type": "uploaded", "claim_limit": 10}
    saved = await post(f"performances/{performance_uid}/rewards", **reward)
    await post(f"manage/rewards/{saved['reward_uid']}/codes", codes=[f"PIN-{number}" for number in range(10)])
    claim = await post(f"manage/fans/{fan_id}/rewards/{saved['reward_uid']}/claim")
    ids = {"quest_page_tab_id": created["page_tab_id"], "reward_claim_id": claim["reward_claim_id"]}
    return {**portal, **saved, **ids}
