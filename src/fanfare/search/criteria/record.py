"""Criteria on the fan's record: consent, rating, source, creation."""

import math
from datetime import date
from decimal import Decimal
from typing import Annotated

from fanfare.kernel.folding import fold
from fanfare.kernel.wire import Day, Flag, NumberForm, Text
from fanfare.search.criteria.criterion import Criterion, Phrase
from fanfare.search.criteria.place import PlaceCriteria
from fanfare.search.criteria.plans import HasValue, InRange, Not, day_range
from fanfare.search.criteria.where import Condition

Rating = Annotated[float, NumberForm(1, 5)]


def _flag(column: str, value: str) -> Criterion[bool]:
    """Return a criterion on a boolean column of `fans`; `value` is the value of the facet `flag` in the index."""
    return Criterion[bool](
        condition=lambda is_set, _: Condition(f"f.{column}" if is_set else f"not f.{column}"),
        reads=(column,),
        shows=f"to_jsonb(f.{column})",
        plan=lambda is_set, _: HasValue("flag", [value]) if is_set else Not(HasValue("flag", [value])),
    )


SUBSCRIBED = _flag("is_subscribed", "subscribed")
OPTOUT = _flag("is_optout", "optout")
PHONE_SUBSCRIBED = _flag("is_phone_subscribed", "phone_subscribed")
RATING = Criterion[float](
    condition=lambda rating, _: Condition("f.rating >= {}::float8::numeric", (rating,)),
    reads=("rating",),
    shows="to_jsonb(f.rating)",
    # PostgreSQL converts a float to numeric with fifteen significant digits.
    plan=lambda rating, _: InRange("rating", first=math.ceil(Decimal(f"{rating:.15g}") * 10)),
)
SOURCE = Criterion[str](
    condition=lambda source, _: Condition("fold_text(f.fan_source) = {}", (fold(source),)),
    reads=("fan_source",),
    shows="to_jsonb(f.fan_source)",
    plan=lambda source, _: HasValue("source", [fold(source)]),
)
CREATED = "jsonb_build_object('creation_timestamp', floor(extract(epoch from f.created_at))::bigint)"
START_CREATION = Criterion[date](
    condition=lambda day, context: Condition("f.created_at >= {}", (context.start_of(day),)),
    reads=("created_at",),
    shows=CREATED,
    plan=lambda day, _: day_range("created", day),
)
END_CREATION = Criterion[date](
    condition=lambda day, context: Condition("f.created_at < {}", (context.end_of(day),)),
    reads=("created_at",),
    shows=CREATED,
    plan=lambda day, _: day_range("created", last=day),
)


OPT_IN = {"true": "opted in", "false": "did not opt in"}
OPT_OUT = {"true": "opted out", "false": "did not opt out"}


class RecordCriteria(PlaceCriteria):
    """Adds the criteria on the fan's record."""

    fan_is_subscribed: Annotated[
        Flag | None, "Whether the fan opted in to email", SUBSCRIBED, Phrase("{} to email", OPT_IN)
    ] = None
    fan_is_optout: Annotated[
        Flag | None, "Whether the fan opted out of everything", OPTOUT, Phrase("{} of everything", OPT_OUT)
    ] = None
    fan_is_phone_subscribed: Annotated[
        Flag | None,
        "Whether the fan opted in to text messages",
        PHONE_SUBSCRIBED,
        Phrase("{} to text messages", OPT_IN),
    ] = None
    fan_rating: Annotated[Rating | None, "At least this rating", RATING, Phrase("are rated {} or better")] = None
    fan_source: Annotated[Text | None, "Came from this source; case is ignored", SOURCE, Phrase("came from {}")] = None
    fan_start_creation_date: Annotated[
        Day | None, "Created on or after this day", START_CREATION, Phrase("are here since {} or later")
    ] = None
    fan_end_creation_date: Annotated[
        Day | None, "Created on or before this day", END_CREATION, Phrase("are here since {} or earlier")
    ] = None
