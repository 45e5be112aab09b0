"""One thing of each kind that messages have, for the rules over all calls."""

from typing import Any


async def made_messages(post: Any, got: Any) -> dict[str, Any]:
    """Make them and return their ids by the name of the parameter that takes them."""
    template = {"template_name": "verify_code", "channel": "sms", "language": "en", "text_body": "{{ code }}"}
    sample = {"template_name": "login_code", "channel": "email", "recipient": "bea@example.com"}
    await post("manage/suppressions", channel="email", recipient="gone@example.org")
    return {
        "template_id": (await post("manage/message_templates", **template))["template_id"],
        "message_id": (await post("manage/message_templates/send", **sample))["message_id"],
        "sender_id": (await post("manage/senders", from_name="Northside"))["sender_id"],
        "suppression_id": (await got("manage/suppressions"))[0]["suppression_id"],
    }
