"""What the table tests need of ads."""

from typing import Any


async def made_ads(post: Any) -> dict[str, Any]:
    v: dict[str, Any] = {}
    v["project_uid"] = (await post("manage/ad_projects", project_name="Summer"))["project_uid"]
    line = {"name": "Radio", "budget_amount": 1, "notes": "June"}
    v["project_line_uid"] = (await post(f"ads/projects/{v['project_uid']}/lines", **line))["project_line_uid"]
    return v
