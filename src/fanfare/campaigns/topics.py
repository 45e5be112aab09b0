"""Topics of the change log about campaigns, activities and wagers."""

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.announcements import Topic


class InCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign of an activity; null outside of campaigns."""

    page_tab_id: int | None


class CampaignFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the fields that changed, and the item when it is one of its items that did."""

    fields: list[str]
    tab_item_id: int | UnsetType = UNSET


class OnItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The item that a wager is on, and its campaign."""

    page_tab_id: int
    tab_item_id: int


CAMPAIGN_CREATED = Topic(
    "campaign.created", "A campaign was created, by a call of its own or by the first activity in it.", "page_tab_id"
)
CAMPAIGN_UPDATED = Topic(
    "campaign.updated", "Fields or items of a campaign changed.", "page_tab_id", data=CampaignFields
)
CAMPAIGN_CLOSED = Topic(
    "campaign.closed", "A campaign was closed; the fan is its winner, if any.", "page_tab_id", "sometimes"
)
ACTIVITY_CREATED = Topic("activity.created", "A fan did something.", "activity_id", "always", InCampaign)
ACTIVITY_DELETED = Topic(
    "activity.deleted", "An activity was deleted by the undo of an import.", "activity_id", "always", InCampaign
)
WAGER_PLACED = Topic("wager.placed", "A fan placed points on an item of a campaign.", "wager_id", "always", OnItem)
