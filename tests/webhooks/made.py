"""A webhook of an account, for the rules over all calls."""

from typing import Any


async def made_webhooks(post: Any, got: Any) -> dict[str, Any]:
    """Make an endpoint with a delivery; return their ids."""
    hook = await post("manage/webhooks", url="https://example.com/hooks", topics=["business.*"])
    path = f"manage/webhooks/{hook['webhook_uid']}"
    await post(f"{path}/test")
    (delivery,) = (await got(f"{path}/deliveries"))["data"]
    return {"webhook_uid": hook["webhook_uid"], "delivery_id": delivery["delivery_id"]}
