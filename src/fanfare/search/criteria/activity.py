"""Criteria on when the fan was active. Most need only the first and the last activity, which `fan_activity` has."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from fanfare.kernel.wire import Day, IntegerForm
from fanfare.search.criteria.criterion import Context, Criterion, Joint, Phrase
from fanfare.search.criteria.facts import ACTIVITY
from fanfare.search.criteria.plans import Not, Plan, day_range
from fanfare.search.criteria.record import RecordCriteria
from fanfare.search.criteria.where import Condition

Days = Annotated[int, IntegerForm(0, 36_500)]

ACTIVE = "exists (select from fan_activity a where a.account_id = $1 and a.fan_id = f.fan_id and {})"
SINCE = ACTIVE.format("a.last_active_at >= {}")
BETWEEN = """exists (select from activities a
    where a.account_id = $1 and a.fan_id = f.fan_id and a.created_at >= {} and a.created_at < {})"""
VALUE = """(select jsonb_build_object('first_active_timestamp', floor(extract(epoch from a.first_active_at))::bigint,
                                        'last_active_timestamp', floor(extract(epoch from a.last_active_at))::bigint)
    from fan_activity a where a.account_id = $1 and a.fan_id = f.fan_id)"""


def _between(criteria: "ActivityCriteria", context: Context) -> Sequence[Condition]:
    start = context.start_of(criteria.crm_start_active_date) if criteria.crm_start_active_date else None
    end = context.end_of(criteria.crm_end_active_date) if criteria.crm_end_active_date else None
    if start and end:
        sql = ACTIVE.format("a.last_active_at >= {} and a.first_active_at < {}")
        return [Condition(sql, (start, end)), Condition(BETWEEN, (start, end))]
    if start:
        return [Condition(SINCE, (start,))]
    return [Condition(ACTIVE.format("a.first_active_at < {}"), (end,))]


def _between_plan(criteria: "ActivityCriteria", _: Context) -> Plan | None:
    if criteria.crm_start_active_date and criteria.crm_end_active_date:
        # The index has only the first and the last activity of each fan.
        return None
    if criteria.crm_start_active_date:
        return day_range("last_active", criteria.crm_start_active_date)
    return day_range("first_active", last=criteria.crm_end_active_date)


def _first_day(count: int, context: Context) -> date:
    """Return the first of the last `count` days."""
    return context.today - timedelta(days=count)


ACTIVE_DAYS = Criterion[int](
    condition=lambda count, context: Condition(SINCE, (context.start_of(_first_day(count, context)),)),
    reads=(ACTIVITY,),
    shows=VALUE,
    plan=lambda count, context: day_range("last_active", _first_day(count, context)),
)
INACTIVE_DAYS = Criterion[int](
    condition=lambda count, context: Condition(f"not {SINCE}", (context.start_of(_first_day(count, context)),)),
    reads=(ACTIVITY,),
    shows=VALUE,
    plan=lambda count, context: Not(day_range("last_active", _first_day(count, context))),
)
ACTIVE_BETWEEN = Joint["ActivityCriteria"](
    opening="did something", condition=_between, reads=(ACTIVITY,), shows=VALUE, plan=_between_plan
)


class ActivityCriteria(RecordCriteria):
    """Adds the criteria on activity."""

    crm_active_days: Annotated[
        Days | None, "Active in the last N days", ACTIVE_DAYS, Phrase("did something in the last {} days")
    ] = None
    crm_inactive_days: Annotated[
        Days | None,
        "Not active in the last N days, or never active",
        INACTIVE_DAYS,
        Phrase("did nothing in the last {} days"),
    ] = None
    crm_start_active_date: Annotated[
        Day | None, "Active on or after this day", ACTIVE_BETWEEN, Phrase("on {} or later")
    ] = None
    crm_end_active_date: Annotated[
        Day | None, "Active on or before this day", ACTIVE_BETWEEN, Phrase("on {} or earlier")
    ] = None
