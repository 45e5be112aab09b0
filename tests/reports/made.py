"""What the table tests need of reports."""

from typing import Any


async def made_reports(post: Any) -> dict[str, Any]:
    v: dict[str, Any] = await post("manage/reports", report_name="Our fans", report_type="fans")
    v |= await post(f"manage/reports/{v['report_uid']}/links")
    return v
