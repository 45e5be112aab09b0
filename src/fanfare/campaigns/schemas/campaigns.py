"""Schemas of campaigns: configuration, lists and changes."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.campaigns.schemas.items import PublicItem
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Flag, Id, Ids, JsonObject, Moment, OuterKey, Text, TextForm, TimeZone

CUSTOM = "custom"


class AppTypeForm(TextForm):
    """A kind of campaign. `Custom` in any case is stored as `custom`, whose titles are unique."""

    def read(self, raw: object) -> str:
        """Return the kind."""
        text = super().read(raw)
        return CUSTOM if fold(text) == CUSTOM else text


AppType = Annotated[str, AppTypeForm()]


class CrmCampaign(msgspec.Struct):
    """A campaign as the CRM lists it. Time in unix seconds."""

    account_id: int
    title: str
    page_tab_id: int
    stream_key: str | None
    app_type: str
    is_active: bool
    creation_timestamp: int
    winner_fan_id: int | None


class Campaign(msgspec.Struct):
    """A campaign as a site shows it, with its display configuration. Time in unix seconds."""

    page_tab_id: int
    name: str
    app_type: str
    creation_timestamp: int
    live_status: str | None
    business_id: int | None
    is_scheduled: bool
    is_active: bool
    media_map: dict[str, Any]
    timezone: str | None
    props: dict[str, Any]
    locale_props: dict[str, Any]
    style_props: dict[str, Any]
    links_map: dict[str, Any]


class CampaignDetails(Campaign):
    """One campaign; `page_tab_ids` are the members of a bundle, `items` null unless `include_details` was asked for."""

    stream_key: str | None
    start_timestamp: int | None
    end_timestamp: int | None
    page_tab_ids: list[int]
    items: list[PublicItem] | None = None


class CampaignSearch(Params):
    """Filters for campaigns in the CRM."""

    q: Annotated[Text | None, "Part of the title; case is ignored."] = None


class CampaignChoice(Params):
    """Filters for campaigns on a site."""

    app_type: Annotated[Text | None, "Only campaigns of this type."] = None
    is_scheduled: Annotated[Flag | None, "Whether the scheduler shows the campaign."] = None
    business_id: Annotated[Id | None, "Only campaigns of this business."] = None


class OneCampaign(Params):
    """The id of a campaign."""

    page_tab_id: Annotated[Id, "Campaign to read."]


class OneCampaignDetailed(OneCampaign):
    """The id of a campaign, and whether to include details."""

    include_details: Annotated[Flag, "Add quiz questions, items and the like."] = False


class NewCampaign(Params):
    """A campaign to create. The title of a custom one is unique, whatever its case."""

    title: Annotated[Text, "Name of the campaign."]
    app_type: Annotated[AppType, "Kind of campaign, such as quiz, wager, registration, bundle or custom."] = "custom"
    business_id: Annotated[Id | None, "Business that runs it."] = None
    stream_key: Annotated[OuterKey | None, "Stream that belongs to it."] = None
    is_active: Annotated[Flag, "Whether it is open to fans."] = True
    is_scheduled: Annotated[Flag, "Whether the scheduler shows it."] = False
    live_status: Annotated[Text | None, "Status of a live campaign."] = None
    start_timestamp: Annotated[Moment | None, "When it opens."] = None
    end_timestamp: Annotated[Moment | None, "When it closes."] = None
    timezone: Annotated[TimeZone | None, "Time zone that it is shown in."] = None
    media_map: Annotated[JsonObject | None, "Pictures by purpose."] = None
    props: Annotated[JsonObject | None, "Settings of the campaign. Public: put no personal data here."] = None
    locale_props: Annotated[JsonObject | None, "Texts by language."] = None
    style_props: Annotated[JsonObject | None, "Colours and fonts."] = None
    links_map: Annotated[JsonObject | None, "URLs by purpose."] = None
    page_tab_ids: Annotated[Ids | None, "Members, when this campaign is a bundle."] = None

    example: ClassVar[Mapping[str, object]] = {"title": "Season opener", "app_type": "quiz", "is_scheduled": True}


class CampaignChanges(Params):
    """Fields of a campaign to update; an empty value clears a field; a field left out stays as it is."""

    page_tab_id: Annotated[Id, "Campaign to change."]
    title: Annotated[Text | None | UnsetType, "Name of the campaign."] = UNSET
    app_type: Annotated[AppType | None | UnsetType, "Kind of campaign."] = UNSET
    business_id: Annotated[Id | None | UnsetType, "Business that runs it."] = UNSET
    stream_key: Annotated[OuterKey | None | UnsetType, "Stream that belongs to it."] = UNSET
    is_active: Annotated[Flag | None | UnsetType, "Whether it is open to fans."] = UNSET
    is_scheduled: Annotated[Flag | None | UnsetType, "Whether the scheduler shows it."] = UNSET
    live_status: Annotated[Text | None | UnsetType, "Status of a live campaign."] = UNSET
    start_timestamp: Annotated[Moment | None | UnsetType, "When it opens."] = UNSET
    end_timestamp: Annotated[Moment | None | UnsetType, "When it closes."] = UNSET
    timezone: Annotated[TimeZone | None | UnsetType, "Time zone that it is shown in."] = UNSET
    media_map: Annotated[JsonObject | None | UnsetType, "Pictures by purpose."] = UNSET
    props: Annotated[JsonObject | None | UnsetType, "Settings of the campaign. Public."] = UNSET
    locale_props: Annotated[JsonObject | None | UnsetType, "Texts by language."] = UNSET
    style_props: Annotated[JsonObject | None | UnsetType, "Colours and fonts."] = UNSET
    links_map: Annotated[JsonObject | None | UnsetType, "URLs by purpose."] = UNSET
    page_tab_ids: Annotated[Ids | None | UnsetType, "Members, when this campaign is a bundle."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"is_active": False}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty value for a mandatory field."""
        for name in ("title", "app_type", "is_active", "is_scheduled"):
            if name in values and values[name] is None:
                yield name, "must not be empty"


class CampaignClosing(Params):
    """The end of a campaign."""

    page_tab_id: Annotated[Id, "Campaign to close."]
    winner_fan_id: Annotated[Id | None, "Fan who won."] = None

    example: ClassVar[Mapping[str, object]] = {}


class CampaignSaved(msgspec.Struct):
    """The campaign that was saved."""

    page_tab_id: int
