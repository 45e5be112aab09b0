"""Reads quests, and the progress of fans in them."""

import uuid

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.performances.schemas.quests import Completion, CompletionQuery, FanQuest, Quest, QuestFigures

QUEST = """
    q.page_tab_id, q.performance_uid, q.quest_type, q.target_page_tab_id, q.scan_group_names, q.is_required,
    q.access_restriction_type, q.fan_points_required, c.title as quest_title, q.button_text, q.quest_description,
    q.reward_type, q.fan_points_reward, q.atvenu_sales_event_key, q.atvenu_promo_key,
    floor(extract(epoch from q.created_at))::bigint as creation_timestamp, q.bestring_location_group_id,
    q.bestring_promotion_id,
    array(select r.required_page_tab_id from quest_requirements r
          where r.account_id = q.account_id and r.page_tab_id = q.page_tab_id
          order by r.required_page_tab_id) as required_page_tab_ids,
    q.link_url, q.start_date, q.end_date, q.point_uid, q.site_name
"""
# Whether a quest `q` is open for a fan: by points that were ever awarded, so that spending them closes nothing.
IS_OPEN = """
    case q.access_restriction_type
        when 'points' then coalesce((
            select s.gain from standings s
            where s.account_id = q.account_id and s.board = 'point:' || q.point_uid and s.fan_id = {fan_id}
        ), 0) >= q.fan_points_required
        when 'quests' then not exists (
            select from quest_requirements r
            left join quest_progresses d on d.account_id = r.account_id and d.fan_id = {fan_id}
                and d.page_tab_id = r.required_page_tab_id
            where r.account_id = q.account_id and r.page_tab_id = q.page_tab_id and d.completed_at is null)
        else true
    end
"""
QUESTS = f"""
    select {QUEST}
    from quests q
    join campaigns c on c.account_id = q.account_id and c.page_tab_id = q.page_tab_id
    where q.account_id = $1 and q.performance_uid = $2
    order by q.page_tab_id
"""  # noqa: S608 - fixed parts
OF_FAN = f"""
    select {QUEST}, {IS_OPEN.format(fan_id="$3")} as is_open,
           least(coalesce(p.progress_count, 0), q.target_count) as progress_count, q.target_count,
           p.completed_at is not null as is_completed,
           floor(extract(epoch from p.completed_at))::bigint as completion_timestamp
    from quests q
    join campaigns c on c.account_id = q.account_id and c.page_tab_id = q.page_tab_id
    left join quest_progresses p on p.account_id = q.account_id and p.page_tab_id = q.page_tab_id and p.fan_id = $3
    where q.account_id = $1 and q.performance_uid = $2
    order by q.page_tab_id
"""  # noqa: S608 - fixed parts
FIGURES = """
    select q.page_tab_id, c.title as quest_title, figures.fan_count, figures.completed_count
    from quests q
    join campaigns c on c.account_id = q.account_id and c.page_tab_id = q.page_tab_id
    cross join lateral (
        select count(*) as fan_count, count(p.completion_id) as completed_count
        from quest_progresses p where p.account_id = q.account_id and p.page_tab_id = q.page_tab_id) as figures
    where q.account_id = $1 and q.performance_uid = $2
    order by q.page_tab_id
"""
COMPLETIONS = """
    select completion_id, fan_id, page_tab_id,
           floor(extract(epoch from completed_at))::bigint as completion_timestamp
    from quest_progresses
    where account_id = $1 and page_tab_id = $2 and completion_id > $3 and completion_id < $4
    order by completion_id {order} limit $5
"""


async def quests(db: Db, account_id: int, performance_uid: uuid.UUID) -> list[Quest]:
    """Return the quests of a performance in the order in which they were added; Unknown (404) performance."""
    await check_performance(db, account_id, performance_uid)
    return [Quest(**row) for row in await db.rows(QUESTS, account_id, performance_uid)]


async def fan_quests(db: Db, account_id: int, performance_uid: uuid.UUID, fan_id: int) -> list[FanQuest]:
    """Return the quests of a performance with the progress of a fan; Unknown (404) performance or fan."""
    await check_performance(db, account_id, performance_uid)
    await check_fan(db, account_id, fan_id)
    return [FanQuest(**row) for row in await db.rows(OF_FAN, account_id, performance_uid, fan_id)]


async def figures(db: Db, account_id: int, performance_uid: uuid.UUID) -> list[QuestFigures]:
    """Return how many fans take part in each quest of a performance; Unknown (404) performance."""
    await check_performance(db, account_id, performance_uid)
    return [QuestFigures(**row) for row in await db.rows(FIGURES, account_id, performance_uid)]


async def completions(db: Db, account_id: int, query: CompletionQuery) -> ArrayPage[Completion]:
    """Return who completed a quest, in the order in which they did; Unknown (404) quest."""
    if not await db.value(
        "select exists (select from quests where account_id = $1 and page_tab_id = $2)", account_id, query.page_tab_id
    ):
        raise Unknown(quest=query.page_tab_id)
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    statement = COMPLETIONS.format(order=cursor.order)
    rows = await db.rows(statement, account_id, query.page_tab_id, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "completion_id")
    return ArrayPage(page.read(Completion), page.next_page)


async def check_performance(db: Db, account_id: int, performance_uid: uuid.UUID) -> None:
    """Raise Unknown (404) if the performance does not exist."""
    exists = "select exists (select from performances where account_id = $1 and performance_uid = $2)"
    if not await db.value(exists, account_id, performance_uid):
        raise Unknown(performance=performance_uid)


async def accounts_with_due_quests(db: Db) -> list[int]:
    """Return the ids of the accounts in which quests wait to be settled."""
    rows = await db.rows("select account_id from quest_progresses where is_due group by account_id order by account_id")
    return [row["account_id"] for row in rows]
