"""Bodies and answers of the twin."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, model_validator

Name = Annotated[str, Field(min_length=1, max_length=255)]
Key = Annotated[str, Field(min_length=1, max_length=255)]


def _in_the_past(moment: datetime) -> datetime:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC):
        message = "must not be in the future"
        raise ValueError(message)
    return moment


class NewActivity(BaseModel):
    """An activity, with its fan and its campaign; values of the body that start with field_ are its details."""

    model_config = ConfigDict(extra="allow")
    email: EmailStr
    first_name: Name | None = None
    last_name: Name | None = None
    campaign_title: Name

    def details(self) -> dict[str, Any]:
        """Return the values that the activity keeps."""
        return {name.removeprefix("field_"): value for name, value in (self.model_extra or {}).items()}

    @model_validator(mode="after")
    def _check_fields(self) -> "NewActivity":
        if any(not name.startswith("field_") for name in self.model_extra or {}):
            message = "only fields that start with field_ may be added"
            raise ValueError(message)
        return self


class ActivitySaved(BaseModel):
    """The fan and the activity."""

    fan_id: int
    activity_id: int


class FanOut(BaseModel):
    """A fan."""

    fan_id: int
    account_id: int = 1
    name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    province: str | None
    latitude: float | None
    longitude: float | None
    creation_timestamp: int
    ip_address: str | None
    country_code: str | None
    city: str | None
    is_subscribed: bool
    is_phone_subscribed: bool
    rating: float | None
    phone: str | None
    birth_date: date | None
    metro_area: str | None
    postal_code: str | None
    fields: list[str]
    field_values: dict[str, Any]
    gender: str | None
    tags: list[str]
    opted_in_business_ids: list[int]


class ActivityOut(BaseModel):
    """An activity with its campaign and the consents of its fan."""

    activity_id: int
    account_id: int = 1
    fan_id: int
    creation_date: date
    campaign_title: str | None
    app_type: str | None
    page_tab_id: int | None
    opted_in_business_ids: list[int]
    is_subscribed: bool
    is_phone_subscribed: bool
    creation_timestamp: datetime
    stream_key: str | None
    ip_address: str | None
    user_key: str | None
    name: str | None
    details: dict[str, Any]


class PageMeta(BaseModel):
    """The largest id of a page, from which the next one starts."""

    has_more: bool
    last_id: int | None


class ActivityPage(BaseModel):
    """A page of activities."""

    meta: PageMeta
    data: list[ActivityOut]


class FanPage(BaseModel):
    """A page of fans."""

    meta: PageMeta
    data: list[FanOut]


class NewTicket(BaseModel):
    """A line of tickets with its buyer and its event."""

    first_name: Name
    last_name: Name
    email: EmailStr
    purchase_timestamp: Annotated[datetime, AfterValidator(_in_the_past)]
    paid_amount: Annotated[Decimal, Field(max_digits=16, decimal_places=4)]
    num_seats: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    event_date: date
    event_name: Name
    event_key: Key
    ticket_key: Key
    network: Annotated[str, Field(max_length=50)] = ""
    order_key: Key | None = None
    price_code: Name | None = None
    venue_name: Name | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "CAD"


class TicketSaved(BaseModel):
    """What became of a line."""

    index: int
    ticket_id: int
    ticket_key: str | None
    fan_id: int
    status: Literal["success", "duplicate"]


class NewCheckIn(BaseModel):
    """A pass at a gate."""

    pass_code: Annotated[str, Field(min_length=8, max_length=8)]
    gate_name: Name | None = None


class CheckedIn(BaseModel):
    """A pass that was checked in."""

    pass_uid: UUID
    fan_id: int | None
    checked_in: bool = True
    check_in_timestamp: int
    gate_name: str | None
