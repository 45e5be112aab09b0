"""Numbers of fans of some businesses, estimated from a sample of the account's fans: docs/decisions/0091-estimates.md.

The sample is every fan whose id has a hash that 512 divides, of which an index has a list; at most 4,000 of them are
looked at, those with the smallest hashes. So it is as good as drawn by lot, and the same each time.
"""

from collections.abc import Iterable

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.uses import conditions_of
from fanfare.search.criteria.where import Condition, Where, where
from fanfare.search.queries.conditions import COUNT, evaluate, limits
from fanfare.search.queries.stats import REACHABLE
from fanfare.search.schemas.stats import SegmentStatus

# One fan of so many is in the sample; the index of migration 0158 has the same number.
SHARE = 512
# A smaller sample says too little, and its account is counted quickly; a larger one takes longer and says hardly more.
MIN_SAMPLE, MAX_SAMPLE = 100, 4000
# Of fewer fans an estimate says too little: nobody in the sample may be some thousands.
MIN_FOUND = 10
# Enough to tell whether anybody is found soon.
SMALL_SAMPLE = 1000
# From how many fans on it is quicker to read the fans of the businesses than to look each fan up.
LARGE_SEARCH = 100_000
SIZE = "select count(*) from fans f where f.account_id = $1 and hashint8(f.fan_id) % 512 = 0"
SAMPLED = "hashint8(f.fan_id) % 512 = 0 and hashint8(f.fan_id) < {}::bigint"
STATUS = f"select {REACHABLE} from fans f where f.account_id = $1 and {{condition}}"  # noqa: S608 - constants


class Estimate(msgspec.Struct, frozen=True):
    """About how many fans of the businesses meet criteria, and how many fans of all businesses do."""

    status: SegmentStatus
    candidate_count: int
    # how many fans of the businesses in the sample meet the criteria
    found_count: int

    @property
    def is_sound(self) -> bool:
        """Whether enough fans were found to say about how many there are."""
        return self.found_count >= MIN_FOUND


async def estimate(
    db: Db, account_id: int, criteria: Criteria, context: Context, max_sample: int = MAX_SAMPLE
) -> Estimate | None:
    """Return about how many fans of the context's businesses meet criteria; None where all are counted quickly."""
    size: int = await db.value(SIZE, account_id)
    if size < MIN_SAMPLE:
        return None
    share = min(1.0, max_sample / size)
    # Hashes are 32 bits with a sign.
    sampled = Condition(SAMPLED, (int(share * 2**32) - 2**31,))

    def condition(limit: Iterable[Condition]) -> Where:
        return where(account_id, [*conditions_of(criteria, context), sampled, *limit])

    candidates = await evaluate(account_id, context, lambda: condition([]))
    candidate_count: int = await db.value(candidates.statement(COUNT), *candidates.args)
    members = await evaluate(account_id, context, lambda: condition(limits(context)))
    row = await db.row(members.statement(STATUS), *members.args)
    counts = {name: value for name, value in dict(row or {}).items() if name.endswith("_count")}
    status = SegmentStatus(
        **{name: rounded(value * SHARE / share) for name, value in counts.items()},
        last_update_timestamp=row["last_update_timestamp"] if row else None,
    )
    return Estimate(status, rounded(candidate_count * SHARE / share), counts.get("fan_count", 0))


def rounded(number: float) -> int:
    """Return a number with two digits that say something, as many as a sample has."""
    return int(float(f"{number:.1e}"))


async def with_quick_limit(db: Db, account_id: int, criteria: Criteria, context: Context) -> Context:
    """Return the context with the quicker way to count the fans of its businesses."""
    if context.business_ids is None:
        return context
    guess = await estimate(db, account_id, criteria, context)
    return msgspec.structs.replace(
        context, reads_businesses_first=guess is not None and guess.candidate_count > LARGE_SEARCH
    )
