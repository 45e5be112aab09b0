"""How segments overlap: how many fans are in each combination of them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import product

from fanfare.audience import counting
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Composed, Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.plans import AllOf, Not, Plan
from fanfare.search.criteria.segments import inside_parameters
from fanfare.search.criteria.uses import conditions_of, plan_of
from fanfare.search.criteria.where import Condition, joined, numbered
from fanfare.search.queries.conditions import checked_contexts, evaluate, limits
from fanfare.segments.queries.segments import require_segment, segment_name
from fanfare.segments.schemas.figures import Overlap, OverlapPart, OverlapQuery, SegmentSize
from fanfare.segments.schemas.segments import OneSegment

# Which of some segments a fan is in, as a sum of powers of two; one pass over the fans counts all combinations.
COMBINATIONS = """
    select c.combination, count(*) as fan_count
    from (select {bits} as combination from fans f where f.account_id = $1 and {limit}) c
    where c.combination > 0 group by c.combination
"""


async def overlap(
    db: Db, account: Account, query: OverlapQuery, now: datetime, business_ids: Sequence[int] | None = None
) -> Overlap:
    """Return how segments overlap now: from the index if it answers, else in one pass over the fans.

    With `business_ids` only fans of these businesses count. Unknown (404) for a segment that does not exist.
    """
    names = list(dict.fromkeys(query.segments))
    titles = [await _title(db, account.id, each) for each in names]
    criteria = [Criteria(**inside_parameters(each)) for each in names]
    context = await checked_contexts(db, account, criteria, now, business_ids)
    counts = await _by_index(db, account, criteria, context)
    if counts is None:
        counts = await _by_sql(db, account.id, criteria, context)
    sizes = [
        SegmentSize(name, title, sum(count for number, count in counts.items() if number >> place & 1))
        for place, (name, title) in enumerate(zip(names, titles, strict=True))
    ]
    parts = [
        OverlapPart([name for place, name in enumerate(names) if number >> place & 1], count)
        for number, count in counts.most_common()
        if count
    ]
    return Overlap(sizes, parts, sum(counts.values()))


async def _title(db: Db, account_id: int, segment: str) -> str:
    kind, _, key = segment.partition(":")
    target = OneSegment(segment_type=kind, segment_id=key)
    await require_segment(db, account_id, target)
    return await segment_name(db, account_id, target)


async def _by_index(db: Db, account: Account, criteria: list[Criteria], context: Context) -> Counter[int] | None:
    plans = [plan for each in criteria if (plan := plan_of(each, context)) is not None]
    if len(plans) < len(criteria):
        return None
    combinations = [bits for bits in product((False, True), repeat=len(plans)) if any(bits)]
    queries: list[Plan] = [
        AllOf([plan if is_in else Not(plan) for plan, is_in in zip(plans, bits, strict=True)]) for bits in combinations
    ]
    counts = await counting.counts(db, account, queries, context)
    if counts is None:
        return None
    numbers = [sum(is_in << place for place, is_in in enumerate(bits)) for bits in combinations]
    return Counter(dict(zip(numbers, counts, strict=True)))


async def _by_sql(db: Db, account_id: int, criteria: list[Criteria], context: Context) -> Counter[int]:
    parts = await evaluate(
        account_id, context, lambda: [joined([*conditions_of(each, context)], " and ", "true") for each in criteria]
    )
    bits = [
        Condition(f"(case when {each.sql} then {1 << place} else 0 end)", each.values)
        for place, each in enumerate(parts)
    ]
    sql, args = numbered(account_id, [*bits, joined(limits(context), " and ", "true")])
    rows = await db.rows(Composed(COMBINATIONS.format(bits=" + ".join(sql[:-1]), limit=sql[-1])), *args)
    return Counter({row["combination"]: row["fan_count"] for row in rows})
