"""HTTP endpoints of point categories, awards, balances and leaderboards."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.points.actions import awards, categories, undoing
from fanfare.points.queries import bookings
from fanfare.points.queries import points as queries
from fanfare.points.schemas.bookings import BoardQuery, Booking, BookingQuery, OneAward
from fanfare.points.schemas.points import (
    Award,
    Awarded,
    AwardQuery,
    Balance,
    CampaignAward,
    CampaignAwardQuery,
    CampaignBoardQuery,
    CampaignPlace,
    CampaignWindow,
    LeaderboardMeta,
    LeaderboardQuery,
    NamedAwarded,
    NewAward,
    NewNamedAward,
    NewPoint,
    OneFan,
    Place,
    Point,
    PointChanges,
    PointSaved,
    PublicBoardQuery,
    PublicPlace,
    Standing,
    StandingQuery,
    TotalPoints,
)


@endpoint.get("/api/v1/crm/fan_points", scope="crm", key=SECRET)
async def crm_fan_points_list(db: Db, account: Account, query: AwardQuery) -> ArrayPage[Award]:
    """List point awards made inside a date range, or rank their sums by fan.

    Newest first, or oldest first with `order=asc`; send the header X-Next-Cursor back as `cursor` to continue. With
    `leaderboard` each fan has one row: the sum as point_count, and the rank.
    """
    return await queries.awards(db, account, query)


@endpoint.post("/api/v1/crm/fan_points", scope="crm", key=SECRET)
async def crm_fan_points_award(db: Db, account: Account, caller: Caller, new: NewAward, now: datetime) -> Awarded:
    """Award points (possibly negative) to a fan in one category.

    A repeated `award_key` awards nothing and returns the first award; 409 when it belongs to an award of other points.
    """
    return Awarded(await awards.award_points(db, account.id, new, now, address=caller.address))


@endpoint.get("/api/v1/crm/fan_points/leaderboard", scope="crm", key=SECRET)
async def crm_fan_points_leaderboard(db: Db, account: Account, query: LeaderboardQuery) -> Page[LeaderboardMeta, Place]:
    """Rank fans by points collected in a named category; at least one end of the date range is required.

    Fans with the same count share a rank, and the next rank counts all of them (1, 2, 2, 4).
    """
    return Page(*await queries.leaderboard(db, account, query))


@endpoint.get("/api/v1/crm/campaigns/{page_tab_id}/leaderboard", scope="crm", key=SECRET)
async def crm_campaign_leaderboard(db: Db, account: Account, query: CampaignBoardQuery) -> list[CampaignPlace]:
    """Show the best fans of one campaign, ten by default, optionally with fans hidden from the public board."""
    return await queries.campaign_board(
        db, account.id, query.page_tab_id, query.limit, show_hidden=bool(query.show_hidden)
    )


@endpoint.get("/api/v1/crm/fans/{fan_id}/points", scope="crm", key=SECRET)
async def crm_fan_points_get(db: Db, account: Account, target: OneFan) -> list[Balance]:
    """Return the point balances of one fan, one row for each category."""
    return await queries.balances(db, account.id, target.fan_id)


@endpoint.post("/api/v1/crm/fans/{fan_id}/points", scope="crm", key=SECRET)
async def crm_fan_points_add(db: Db, account: Account, new: NewNamedAward, now: datetime) -> NamedAwarded:
    """Award points of a named category to one fan."""
    return NamedAwarded(new.fan_id, await awards.award_named_points(db, account.id, new, now))


@endpoint.get("/api/v1/campaigns/{page_tab_id}/leaderboard", scope="apps", key=PUBLIC)
async def campaigns_leaderboard(db: Db, account: Account, query: PublicBoardQuery) -> list[PublicPlace]:
    """Show the public leaderboard of a campaign: display names only, hidden fans left out."""
    return await queries.public_board(db, account.id, query.page_tab_id, query.limit)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/total_points", scope="apps", key=PUBLIC)
async def campaigns_total_points(db: Db, account: Account, query: CampaignWindow) -> TotalPoints:
    """Sum up all points won in a campaign inside a time range."""
    return TotalPoints(await queries.total_points(db, account.id, query))


@endpoint.get("/api/v1/campaigns/{page_tab_id}/fan_points", scope="apps", key=PUBLIC)
async def campaigns_fan_points(db: Db, account: Account, query: CampaignAwardQuery) -> ArrayPage[CampaignAward]:
    """List the point awards of a campaign without personal data except the fan id.

    Newest first, 10,000 per response; send the header X-Next-Cursor back as `cursor` to continue. Hidden fans are left
    out, as on the public leaderboard.
    """
    return await queries.campaign_awards(db, account.id, query)


@endpoint.get("/api/v1/manage/points", scope="manage", key=SECRET)
async def manage_points_list(db: Db, account: Account) -> list[Point]:
    """List the point categories of the account."""
    return await queries.points(db, account.id)


@endpoint.post("/api/v1/manage/points", scope="manage", key=SECRET)
async def manage_points_create(db: Db, account: Account, new: NewPoint, now: datetime) -> PointSaved:
    """Create a point category; 409 when the account already has one with that name."""
    return PointSaved(await categories.create_point(db, account.id, new, now))


@endpoint.post("/api/v1/manage/points/{point_uid}", scope="manage", key=SECRET)
async def manage_points_update(db: Db, account: Account, changes: PointChanges, now: datetime) -> PointSaved:
    """Rename, describe, close or reopen a point category."""
    return PointSaved(await categories.change_point(db, account.id, changes, now))


@endpoint.get("/api/v1/manage/points/{point_uid}/board", scope="manage", key=SECRET)
async def manage_points_board(db: Db, account: Account, query: BoardQuery) -> list[Place]:
    """Rank the fans of a category by their points over all time; fans with the same count share a rank."""
    return await bookings.board(db, account.id, query)


@endpoint.get("/api/v1/manage/points/{point_uid}/awards", scope="manage", key=SECRET)
async def manage_points_awards_list(db: Db, account: Account, query: BookingQuery) -> ArrayPage[Booking]:
    """List the awards of a category with why each was made, the newest first.

    The reason is `reason` in the props of an award.
    """
    return await bookings.bookings(db, account.id, query)


@endpoint.post("/api/v1/manage/fan_points/{fan_point_uid}/undo", scope="manage", key=SECRET)
async def manage_fan_points_undo(db: Db, account: Account, target: OneAward, now: datetime) -> Awarded:
    """Take an award back by one of the opposite points, once: repeated, it returns the same award."""
    return Awarded(await undoing.undo_award(db, account.id, target.fan_point_uid, now))


@endpoint.get("/api/v1/manage/points/{point_uid}/standing", scope="manage", key=SECRET)
async def manage_points_standing(db: Db, account: Account, query: StandingQuery) -> Standing:
    """Return a fan's rank among all fans of a category, with the neighbours."""
    return await queries.standing(db, account.id, query.point_uid, query.fan_id, query.around)
