"""Shapes of the forms of campaigns and their draws."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fanfare.campaigns.schemas.campaigns import AppType, CampaignChanges, NewCampaign
from fanfare.campaigns.schemas.managed import ManagedCampaignQuery
from fanfare.draws.schemas import NewDraw, ReserveCount, WinnerCount
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    ChoiceForm,
    Flag,
    Id,
    IntegerForm,
    LongText,
    OuterKey,
    Text,
    TextForm,
    TimeZone,
    Wildcard,
)
from fanfare.kernel.wire.zones import zone_of

ROWS = 50
# The kinds that have a page of their own here; any other name is a kind too.
KINDS = ("custom", "sweepstakes", "quiz", "vote", "wager", "registration", "bundle")
FIELD_KINDS = ("text", "email", "phone", "date", "choice", "check", "long")
FieldKind = Literal["text", "email", "phone", "date", "choice", "check", "long"]
MAX_FORM_FIELDS = 20
LANGUAGES = ("en", "de", "fr")
# The texts of a campaign in a language, in `locale_props`: those of its page, and the legal ones.
TEXTS = ("headline", "description", "thanks", "legal_rules", "legal_terms", "legal_privacy")
LocalTime = Annotated[str, TextForm(19, r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", "must be a day and a time")]


def moment_of(name: str, text: str | None, zone: str) -> datetime | None:
    """Return the moment of a day and time in a time zone; refuses (422) one that is none."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).astimezone(UTC)
    except ValueError:
        raise BadParameters([(name, "must be a day and a time")]) from None


def local_time(timestamp: int | None, zone: str) -> str:
    """Return a time in unix seconds as the field of a form takes it."""
    return "" if timestamp is None else f"{datetime.fromtimestamp(timestamp, zone_of(zone)):%Y-%m-%dT%H:%M}"


class CampaignListQuery(ManagedCampaignQuery):
    """Which campaigns the list shows."""

    def for_businesses(self, business_ids: tuple[int, ...] | None) -> ManagedCampaignQuery:
        """Return the query for what somebody sees of it."""
        shown = self.business_ids
        if business_ids is not None:
            shown = [each for each in business_ids if shown is None or each in shown]
        return msgspec.structs.replace(self, business_ids=shown, limit=ROWS)


class CampaignForm(Params, kw_only=True):
    """The fields of a campaign; days and times are in its time zone, else the account's."""

    title: Annotated[Text, "Name of the campaign."]
    app_type: Annotated[AppType, "Kind."] = "custom"
    business_id: Annotated[Id | None, "Business that runs it."] = None
    stream_key: Annotated[OuterKey | None, "Stream that belongs to it."] = None
    start: Annotated[LocalTime | None, "When it opens."] = None
    end: Annotated[LocalTime | None, "When it closes."] = None
    timezone: Annotated[TimeZone | None, "Time zone that it is shown in."] = None
    is_active: Annotated[Flag, "Whether it is open to fans."] = False
    is_scheduled: Annotated[Flag, "Whether the scheduler shows it."] = False

    def fields(self, account_zone: str) -> dict[str, Any]:
        """Return the fields as the API has them; refuses (422) an end before the start."""
        zone = self.timezone or account_zone
        start, end = moment_of("start", self.start, zone), moment_of("end", self.end, zone)
        if start and end and end <= start:
            raise BadParameters([("end", "must be later than the start")])
        names = ("title", "app_type", "business_id", "stream_key", "timezone", "is_active", "is_scheduled")
        return {**{name: getattr(self, name) for name in names}, "start_timestamp": start, "end_timestamp": end}


class NewCampaignForm(CampaignForm, kw_only=True):
    """A campaign to create."""

    def new(self, account_zone: str) -> NewCampaign:
        """Return the campaign as the API has it."""
        return NewCampaign(**self.fields(account_zone))


class CampaignKindQuery(Params):
    """Which kind of campaign to create."""

    app_type: Annotated[AppType | None, "Kind."] = None


class CampaignEdit(CampaignForm, kw_only=True):
    """A campaign with its fields."""

    page_tab_id: Annotated[Id, "Campaign to change."]

    def changes(self, account_zone: str) -> CampaignChanges:
        """Return the change as the API has it."""
        return CampaignChanges(page_tab_id=self.page_tab_id, **self.fields(account_zone))


class FormField(msgspec.Struct):
    """A field of the form of a campaign, in `props.form_fields`."""

    name: str
    label: str
    kind: FieldKind = "text"
    is_required: bool = False
    choices: list[str] = []


def stored_fields(props: Mapping[str, Any]) -> list[FormField]:
    """Return the fields of a campaign's form; whatever else an integration stored there is left out."""
    rows = props.get("form_fields")
    fields: list[FormField] = []
    for row in rows if isinstance(rows, list) else ():
        try:
            fields.append(msgspec.convert(row, FormField))
        except msgspec.ValidationError:
            continue
    return fields[:MAX_FORM_FIELDS]


def stored_texts(locale_props: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the texts of a campaign by language and name, empty where there is none."""
    result = {}
    for code in LANGUAGES:
        texts = locale_props.get(code)
        values = texts if isinstance(texts, dict) else {}
        result[code] = {name: str(values.get(name) or "") for name in TEXTS}
    return result


class CampaignTexts(Params, kw_only=True):
    """The form of a campaign and its texts: fields by their row and part, texts by language and name."""

    page_tab_id: Annotated[Id, "Campaign to change."]
    fields: Annotated[dict[str, str] | None, Wildcard("field_", TextForm(1000)), "`field_3_label`."] = None
    texts: Annotated[dict[str, str] | None, Wildcard("text_", LongText.__metadata__[0]), "`text_en_headline`."] = None

    def form_fields(self) -> list[dict[str, Any]]:
        """Return the fields with a name, in order; refuses (422) a name twice, or a kind that there is not."""
        values, result, names = self.fields or {}, [], set[str]()
        for row in range(MAX_FORM_FIELDS):
            name = values.get(f"{row}_name", "").strip()
            kind = values.get(f"{row}_kind") or "text"
            if not name:
                continue
            if name in names or kind not in FIELD_KINDS:
                raise BadParameters([(f"field_{row}_name", "must be the only field of this name")])
            names.add(name)
            choices = [each.strip() for each in values.get(f"{row}_choices", "").split(",") if each.strip()]
            label, is_required = values.get(f"{row}_label", "").strip() or name, f"{row}_required" in values
            field: dict[str, Any] = {"name": name, "label": label, "kind": kind, "is_required": is_required}
            result.append({**field, **({"choices": choices} if choices else {})})
        return result

    def locale_props(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the stored texts with those of the form in place of theirs; what is empty is left out."""
        values, result = self.texts or {}, dict(stored)
        for language in LANGUAGES:
            former = result.get(language)
            texts = dict(former) if isinstance(former, dict) else {}
            for name in TEXTS:
                texts.pop(name, None)
                if text := values.get(f"{language}_{name}", "").strip():
                    texts[name] = text
            result.pop(language, None)
            if texts:
                result[language] = texts
        return result


class EntryQuery(Params):
    """Entries of a campaign, the newest first."""

    page_tab_id: Annotated[Id, "Campaign whose entries are read."]
    max_activity_id: Annotated[Id | None, "Only earlier entries."] = None


class RangeQuery(Params):
    """The figures of a campaign over so many days."""

    page_tab_id: Annotated[Id, "Campaign to count."]
    days: Annotated[Annotated[str, ChoiceForm("7", "28", "90")] | None, "How many days."] = None


class BoardQuery(Params):
    """The board of a campaign."""

    page_tab_id: Annotated[Id, "Campaign."]


class ItemForm(Params):
    """An item to add."""

    page_tab_id: Annotated[Id, "Campaign."]
    item_title: Annotated[Text, "Name of the item, or the question."]
    item_count: Annotated[Annotated[int, IntegerForm(0, 2**31 - 1)] | None, "How many there are."] = None


class DrawForm(Params, kw_only=True):
    """A draw to create."""

    page_tab_id: Annotated[Id, "Campaign whose entries take part."]
    draw_name: Annotated[Text | None, "What is drawn."] = None
    winner_count: WinnerCount
    reserve_count: ReserveCount = 0
    entry_rule: Annotated[Annotated[str, ChoiceForm("one_per_fan", "every_entry")], "Chances."] = "one_per_fan"
    start: Annotated[LocalTime | None, "Entries from here on."] = None
    end: Annotated[LocalTime | None, "Entries before this."] = None
    is_staff_excluded: Annotated[Flag, "Without staff."] = False
    winners_excluded: Annotated[Annotated[str, ChoiceForm("none", "campaign", "account")], "Without winners."] = "none"
    is_blocked_excluded: Annotated[Flag, "Without blocked fans."] = False
    public_source: Annotated[Text | None, "Where the public value comes from."] = None
    example: ClassVar[Mapping[str, object]] = {}

    def new(self, zone: str) -> NewDraw:
        """Return the draw as the API has it; refuses (422) an end before the start."""
        start, end = moment_of("start", self.start, zone), moment_of("end", self.end, zone)
        if start and end and end <= start:
            raise BadParameters([("end", "must be later than the start")])
        names = (
            "page_tab_id", "draw_name", "winner_count", "reserve_count", "entry_rule", "is_staff_excluded",
            "winners_excluded", "is_blocked_excluded", "public_source",
        )  # fmt: skip
        return NewDraw(start_timestamp=start, end_timestamp=end, **{name: getattr(self, name) for name in names})


class CampaignDraws(Params):
    """The draws of a campaign."""

    page_tab_id: Annotated[Id, "Campaign."]


class CampaignEnd(Params):
    """The end of a campaign, with a winner or without."""

    page_tab_id: Annotated[Id, "Campaign to close."]
    winner_fan_id: Annotated[Id | None, "Fan who won."] = None
