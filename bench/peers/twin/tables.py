"""Tables of the twin, with the indexes that its calls need."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Numeric, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Table(DeclarativeBase):
    """A table; times are with their zone, numbers are 64 bits wide."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
        dict[str, Any]: JSONB,
    }


class ApiKey(Table):
    """A key of a program, and the hash of its secret."""

    __tablename__ = "api_keys"
    api_key: Mapped[UUID] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes]


class Tag(Table):
    """A tag."""

    __tablename__ = "tags"
    tag_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tag_name: Mapped[str] = mapped_column(unique=True)


class FanTag(Table):
    """A tag of a fan."""

    __tablename__ = "fan_tags"
    fan_id: Mapped[int] = mapped_column(ForeignKey("fans.fan_id", ondelete="cascade"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.tag_id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (Index("fan_tags_by_tag", "tag_id", "fan_id"),)


class OptIn(Table):
    """A business from which a fan wants mail."""

    __tablename__ = "opt_ins"
    fan_id: Mapped[int] = mapped_column(ForeignKey("fans.fan_id", ondelete="cascade"), primary_key=True)
    business_id: Mapped[int] = mapped_column(primary_key=True)


class Fan(Table):
    """A fan."""

    __tablename__ = "fans"
    fan_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(unique=True)
    phone: Mapped[str | None]
    gender: Mapped[str | None]
    birth_date: Mapped[date | None]
    country_code: Mapped[str | None]
    province: Mapped[str | None]
    city: Mapped[str | None]
    postal_code: Mapped[str | None]
    metro_area: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    ip_address: Mapped[str | None]
    rating: Mapped[Decimal | None] = mapped_column(Numeric(2, 1))
    fan_source: Mapped[str | None]
    is_subscribed: Mapped[bool] = mapped_column(server_default="false")
    is_phone_subscribed: Mapped[bool] = mapped_column(server_default="false")
    is_optout: Mapped[bool] = mapped_column(server_default="false")
    is_confirmed: Mapped[bool] = mapped_column(server_default="false")
    props: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    tag_rows: Mapped[list[Tag]] = relationship(secondary="fan_tags", order_by=Tag.tag_name, viewonly=True)
    opt_ins: Mapped[list[OptIn]] = relationship(order_by=OptIn.business_id, viewonly=True)
    __table_args__ = (
        Index("fans_by_province", "province", "is_subscribed", "fan_id"),
        Index("fans_by_creation", "created_at"),
    )


class Campaign(Table):
    """A campaign."""

    __tablename__ = "campaigns"
    page_tab_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)
    app_type: Mapped[str] = mapped_column(server_default="custom")
    stream_key: Mapped[str | None]


class Activity(Table):
    """What a fan did in a campaign."""

    __tablename__ = "activities"
    activity_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    fan_id: Mapped[int] = mapped_column(ForeignKey("fans.fan_id", ondelete="cascade"))
    page_tab_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.page_tab_id"))
    ip_address: Mapped[str | None]
    user_key: Mapped[str | None]
    props: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    fan: Mapped[Fan] = relationship(viewonly=True)
    campaign: Mapped[Campaign | None] = relationship(viewonly=True)
    __table_args__ = (
        Index("activities_by_fan", "fan_id", "created_at"),
        Index("activities_by_campaign", "page_tab_id", "activity_id"),
    )


class TicketEvent(Table):
    """An event that tickets are sold for."""

    __tablename__ = "ticket_events"
    event_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    network: Mapped[str] = mapped_column(server_default="")
    event_key: Mapped[str]
    event_name: Mapped[str]
    event_date: Mapped[date] = mapped_column(index=True)
    venue_name: Mapped[str | None]
    __table_args__ = (UniqueConstraint("event_key", "network"),)


class Ticket(Table):
    """A line of an order of tickets."""

    __tablename__ = "tickets"
    ticket_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    fan_id: Mapped[int] = mapped_column(ForeignKey("fans.fan_id", ondelete="cascade"))
    event_id: Mapped[int] = mapped_column(ForeignKey("ticket_events.event_id"))
    purchased_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    num_seats: Mapped[int]
    paid_amount: Mapped[Decimal] = mapped_column(Numeric(16, 4))
    currency: Mapped[str]
    network: Mapped[str] = mapped_column(server_default="")
    ticket_key: Mapped[str]
    order_key: Mapped[str | None]
    price_code: Mapped[str | None]
    is_deleted: Mapped[bool] = mapped_column(server_default="false")
    __table_args__ = (
        UniqueConstraint("ticket_key", "network"),
        Index("tickets_by_fan", "fan_id"),
        Index("tickets_by_event", "event_id"),
    )


class Pass(Table):
    """A pass that opens a gate once."""

    __tablename__ = "passes"
    pass_uid: Mapped[UUID] = mapped_column(primary_key=True)
    pass_code: Mapped[str] = mapped_column(unique=True)
    page_tab_id: Mapped[int] = mapped_column(ForeignKey("campaigns.page_tab_id"))
    fan_id: Mapped[int | None] = mapped_column(ForeignKey("fans.fan_id", ondelete="set null"), index=True)
    checked_in_at: Mapped[datetime | None]
    gate_name: Mapped[str | None]
