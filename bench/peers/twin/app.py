"""A twin of six calls in FastAPI and SQLAlchemy, as a good engineer writes it in two days; for bench.peers.

TWIN_DATABASE_URL=postgresql+asyncpg://… uvicorn bench.peers.twin.app:app
"""

import hashlib
import hmac
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import Field
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload

from bench.peers.twin import shapes, tickets
from bench.peers.twin.people import fan_id_of
from bench.peers.twin.tables import Activity, ApiKey, Campaign, Fan, FanTag, Pass, Table, Tag

POOL = 16
PAGE = 200
KEY_SECONDS = 60
ZONE = ZoneInfo("America/Vancouver")

engine = create_async_engine(os.environ["TWIN_DATABASE_URL"], pool_size=POOL, max_overflow=0)
new_session = async_sessionmaker(engine, expire_on_commit=False)
# Hashes of secrets by key, with the moment until which they count: an ended key is refused within a minute.
keys: dict[UUID, tuple[bytes, float]] = {}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables that are not there."""
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    """Give a session, in a transaction that a call commits."""
    async with new_session() as db:
        yield db


Db = Annotated[AsyncSession, Depends(session)]


async def check_key(db: Db, api_key: Annotated[UUID, Header()], api_secret: Annotated[str, Header()]) -> None:
    """Refuse a key that is unknown, or a secret that is not its own."""
    secret_hash, until = keys.get(api_key, (b"", 0.0))
    if until < time.monotonic():
        secret_hash = await db.scalar(select(ApiKey.secret_hash).where(ApiKey.api_key == api_key)) or b""
        keys[api_key] = secret_hash, time.monotonic() + KEY_SECONDS
    if not hmac.compare_digest(hashlib.sha256(api_secret.encode()).digest(), secret_hash):
        raise HTTPException(401, "Unknown key or wrong secret")


app = FastAPI(lifespan=lifespan, dependencies=[Depends(check_key)])


def fan_out(fan: Fan) -> shapes.FanOut:
    """Return a fan as its answer."""
    columns = {name: getattr(fan, name) for name in shapes.FanOut.model_fields if hasattr(fan, name)}
    return shapes.FanOut.model_construct(
        **columns,
        name=name_of(fan),
        creation_timestamp=int(fan.created_at.timestamp()),
        fields=[f"{name}={value}" for name, value in fan.props.items()],
        field_values=fan.props,
        tags=[each.tag_name for each in fan.tag_rows],
        opted_in_business_ids=[each.business_id for each in fan.opt_ins],
    )


def name_of(fan: Fan) -> str | None:
    """Return a fan's whole name."""
    return " ".join(filter(None, (fan.first_name, fan.last_name))) or None


@app.get("/fans/{fan_id}")
async def fan_by_id(db: Db, fan_id: int) -> shapes.FanOut:
    """Return a fan."""
    fan = await db.get(Fan, fan_id, options=[selectinload(Fan.tag_rows), selectinload(Fan.opt_ins)])
    if fan is None:
        raise HTTPException(404, "No such fan")
    return fan_out(fan)


Limit = Annotated[int, Query(ge=1, le=PAGE)]
Words = Annotated[list[Annotated[str, Field(max_length=100)]] | None, Query()]


@app.get("/fans")
async def search(
    db: Db,
    fan_provinces: Words = None,
    fan_tags: Words = None,
    fan_is_subscribed: bool | None = None,  # noqa: FBT001 - FastAPI reads it from the query
    min_fan_id: int = 0,
    limit: Limit = PAGE,
) -> shapes.FanPage:
    """Return the fans who meet all criteria, in the order of their ids."""
    found = select(Fan).where(Fan.fan_id > min_fan_id).order_by(Fan.fan_id).limit(limit + 1)
    if fan_provinces is not None:
        found = found.where(Fan.province.in_(fan_provinces))
    if fan_is_subscribed is not None:
        found = found.where(Fan.is_subscribed.is_(fan_is_subscribed))
    if fan_tags is not None:
        tagged = select(FanTag.fan_id).join(Tag, Tag.tag_id == FanTag.tag_id).where(Tag.tag_name.in_(fan_tags))
        found = found.where(Fan.fan_id.in_(tagged))
    fans = list(await db.scalars(found.options(selectinload(Fan.tag_rows), selectinload(Fan.opt_ins))))
    page = fans[:limit]
    meta = shapes.PageMeta(has_more=len(fans) > limit, last_id=page[-1].fan_id if page else None)
    return shapes.FanPage.model_construct(meta=meta, data=[fan_out(each) for each in page])


@app.get("/activities")
async def activities(
    db: Db,
    min_activity_id: int = 0,
    page_tab_id: int | None = None,
    activity_date: date | None = None,
    limit: Limit = PAGE,
) -> shapes.ActivityPage:
    """Return the activities after an id."""
    found = select(Activity).where(Activity.activity_id > min_activity_id).order_by(Activity.activity_id)
    if page_tab_id is not None:
        found = found.where(Activity.page_tab_id == page_tab_id)
    if activity_date is not None:
        start = datetime(activity_date.year, activity_date.month, activity_date.day, tzinfo=ZONE)
        found = found.where(Activity.created_at >= start, Activity.created_at < start + timedelta(days=1))
    fan = joinedload(Activity.fan, innerjoin=True)
    found = found.options(joinedload(Activity.campaign), fan, fan.selectinload(Fan.opt_ins)).limit(limit + 1)
    rows = list(await db.scalars(found))
    page = rows[:limit]
    meta = shapes.PageMeta(has_more=len(rows) > limit, last_id=page[-1].activity_id if page else None)
    return shapes.ActivityPage.model_construct(meta=meta, data=[activity_out(each) for each in page])


def activity_out(activity: Activity) -> shapes.ActivityOut:
    """Return an activity as its answer."""
    fan, campaign = activity.fan, activity.campaign
    return shapes.ActivityOut.model_construct(
        activity_id=activity.activity_id,
        fan_id=fan.fan_id,
        creation_date=activity.created_at.astimezone(ZONE).date(),
        campaign_title=campaign and campaign.title,
        app_type=campaign and campaign.app_type,
        page_tab_id=activity.page_tab_id,
        opted_in_business_ids=[each.business_id for each in fan.opt_ins],
        is_subscribed=fan.is_subscribed,
        is_phone_subscribed=fan.is_phone_subscribed,
        creation_timestamp=activity.created_at.astimezone(UTC).replace(microsecond=0),
        stream_key=campaign and campaign.stream_key,
        ip_address=activity.ip_address,
        user_key=activity.user_key,
        name=name_of(fan),
        details=activity.props,
    )


@app.post("/activities")
async def record_activity(db: Db, new: shapes.NewActivity) -> list[shapes.ActivitySaved]:
    """Record an activity; its fan and its campaign are found, or made."""
    fan_id = await fan_id_of(db, new)
    by_title = select(Campaign.page_tab_id).where(Campaign.title == new.campaign_title)
    page_tab_id = await db.scalar(by_title)
    if page_tab_id is None:
        campaign = Campaign(title=new.campaign_title)
        db.add(campaign)
        await db.flush()
        page_tab_id = campaign.page_tab_id
    activity = Activity(fan_id=fan_id, page_tab_id=page_tab_id, props=new.details())
    db.add(activity)
    await db.commit()
    return [shapes.ActivitySaved(fan_id=fan_id, activity_id=activity.activity_id)]


@app.post("/tickets/bulk")
async def bulk_tickets(
    db: Db, lines: Annotated[list[shapes.NewTicket], Field(min_length=1, max_length=tickets.BATCH)]
) -> list[shapes.TicketSaved]:
    """Store lines of tickets, each once, with their buyers and events."""
    saved = await tickets.store(db, lines)
    await db.commit()
    return saved


@app.post("/campaigns/{page_tab_id}/passes/check_in")
async def check_in(db: Db, page_tab_id: int, new: shapes.NewCheckIn) -> shapes.CheckedIn:
    """Check a pass in; 409 for one that was used."""
    now = datetime.now(UTC)
    match = (Pass.pass_code == new.pass_code) & (Pass.page_tab_id == page_tab_id)
    changed = (
        update(Pass)
        .where(match, Pass.checked_in_at.is_(None))
        .values(checked_in_at=now, gate_name=new.gate_name)
        .returning(Pass.pass_uid, Pass.fan_id)
    )
    row = (await db.execute(changed)).first()
    if row is None:
        is_there = await db.scalar(select(Pass.pass_uid).where(match))
        raise HTTPException(409, "The pass was used") if is_there else HTTPException(404, "No such pass")
    await db.commit()
    return shapes.CheckedIn(
        pass_uid=row.pass_uid, fan_id=row.fan_id, check_in_timestamp=int(now.timestamp()), gate_name=new.gate_name
    )
