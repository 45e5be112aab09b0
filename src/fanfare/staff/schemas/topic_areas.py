"""The area of each topic: whoever has its changes sent elsewhere takes data out of the area, at any rate.

A topic is of the area of its noun. A rule holds that each noun is here, and no other.
"""

from collections.abc import Iterable, Mapping

from fanfare.staff.schemas.members import Member, RoleForbids

AREA_NOUNS: Mapping[str, tuple[str, ...]] = {
    "fans": (
        "fan", "consent", "tag", "name_word", "push_token", "passkey", "identity", "session", "terms", "prop",
        "fan_job", "erasure_request", "openid_consent",
    ),
    "segments": ("filter", "snapshot", "segment"),
    "campaigns": ("campaign", "activity", "wager", "draw"),
    "streams": ("stream", "stream_record", "stream_source", "stream_author"),
    "performances": ("performance", "schedule", "portal", "quest", "reward", "reward_claim"),
    "tickets": ("ticket", "ticket_event", "registration", "scan", "pass_section", "pass"),
    "purchases": ("purchase", "shopify_shop"),
    "points": ("point", "points", "idol", "idol_event", "fan_idol"),
    "links": (
        "tracker", "tracker_event", "tracker_settings", "tracker_domain", "ad_project", "ad_project_line",
        "ad_figures",
    ),
    "messages": ("message", "message_template", "suppression", "sender"),
    "reports": ("report", "report_link"),
    "transfers": ("import", "export", "export_schedule", "storage"),
    "settings": (
        "account", "business", "field", "address", "passkey_origin", "identity_provider", "redirect_url",
        "openid_client", "webhook",
    ),
}  # fmt: skip
NOUN_AREA: Mapping[str, str] = {noun: area for area, nouns in AREA_NOUNS.items() for noun in nouns}


def areas_of(topic_names: Iterable[str]) -> frozenset[str]:
    """Return the areas of topics."""
    return frozenset(NOUN_AREA[name.partition(".")[0]] for name in topic_names)


def may_send(member: Member, topic_names: Iterable[str]) -> bool:
    """Return whether the person may take data out, and see personal data, in the areas of topics."""
    return all(member.may(area, "export") and member.may(area, "personal") for area in areas_of(topic_names))


def require_topics(member: Member, topic_names: Iterable[str]) -> None:
    """Raise RoleForbids (403) unless the person may have the changes of topics sent elsewhere."""
    if not may_send(member, topic_names):
        raise RoleForbids
