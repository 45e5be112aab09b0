"""Criteria on the tags of the fan, by their names."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from fanfare.kernel.data.db import Db
from fanfare.search.criteria.activity import ActivityCriteria
from fanfare.search.criteria.criterion import Context, Joint, Lookup, Modifier, Phrase, References
from fanfare.search.criteria.facts import TAG
from fanfare.search.criteria.links import (
    RELATION_WORDS,
    Names,
    Relation,
    folded,
    ids_by_name,
    link_conditions,
    link_plan,
    unknown_names,
)
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.where import Condition

IDS = """
    select fold_text(tag_name) as name, tag_id as id from tags where account_id = $1 and fold_text(tag_name) = any($2)
"""
TAGGED = "(select {} from fan_tags t where t.account_id = $1 and t.fan_id = f.fan_id and t.tag_id = {})"
TAGGED_ANY = "any({}::bigint[])"


async def _ids(db: Db, account_id: int, names: Sequence[str]) -> dict[str, int]:
    return await ids_by_name(db, account_id, IDS, names)


TAG_IDS = Lookup["TagCriteria", str, int](keys=lambda criteria, _: folded(criteria.fan_tags or ()), find=_ids)


def _conditions(criteria: "TagCriteria", context: Context) -> Sequence[Condition]:
    ids = [context.results(TAG_IDS).get(name) for name in folded(criteria.fan_tags or ())]
    return link_conditions(TAGGED, TAGGED_ANY, ids, is_any=criteria.fan_tag_relations == "any")


def _plan(criteria: "TagCriteria", context: Context) -> Plan:
    return link_plan(
        "tag", criteria.fan_tags or (), context.results(TAG_IDS), is_any=criteria.fan_tag_relations == "any"
    )


def _missing(criteria: "TagCriteria", context: Context, is_excluded: bool) -> Iterable[tuple[str, str]]:  # noqa: FBT001 - as in Joint
    messages = unknown_names("tag", criteria.fan_tags or (), context.results(TAG_IDS)) if is_excluded else ()
    return (("fan_tags", each) for each in messages)


TAG_NAME = References(
    {"tag_name": "{}"},
    {
        "tag_name": """
            select tag_name as key, tag_name as name from tags
            where account_id = $1 and fold_text(tag_name) like $2 and ($3::text[] is null or tag_name = any($3))
            order by fold_text(tag_name) limit $4
        """
    },
)
TAGS = Joint["TagCriteria"](
    condition=_conditions,
    reads=(TAG,),
    shows="""(select coalesce(jsonb_agg(t.tag_name order by fold_text(t.tag_name)), '[]') from fan_tags g
        join tags t on t.account_id = $1 and t.tag_id = g.tag_id where g.account_id = $1 and g.fan_id = f.fan_id)""",
    plan=_plan,
    lookups=(TAG_IDS,),
    missing=_missing,
)


class TagCriteria(ActivityCriteria):
    """Adds the criteria on tags."""

    fan_tags: Annotated[
        Names | None,
        "Has these tags, by name; case is ignored",
        TAGS,
        TAG_NAME,
        Phrase("have {fan_tag_relations} of the tags {}"),
    ] = None
    fan_tag_relations: Annotated[
        Relation,
        "Whether one of the tags is enough (any) or all are needed",
        Modifier(TAGS),
        Phrase("{}", RELATION_WORDS),
    ] = "any"
