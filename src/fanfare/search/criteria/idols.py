"""Criteria on the idols that the fan follows, by their names."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Annotated

from fanfare.kernel.data.db import Db
from fanfare.search.criteria.criterion import Context, Joint, Lookup, Modifier, Phrase, References
from fanfare.search.criteria.facts import IDOL
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
from fanfare.search.criteria.tags import TagCriteria
from fanfare.search.criteria.where import Condition

UIDS = """
    select fold_text(idol_name) as name, idol_uid as id
    from idols where account_id = $1 and fold_text(idol_name) = any($2)
"""
FOLLOWING = "(select {} from fan_idols i where i.account_id = $1 and i.fan_id = f.fan_id and i.idol_uid = {})"


async def _uids(db: Db, account_id: int, names: Sequence[str]) -> dict[str, uuid.UUID]:
    return await ids_by_name(db, account_id, UIDS, names)


IDOL_UIDS = Lookup["IdolCriteria", str, uuid.UUID](
    keys=lambda criteria, _: folded(criteria.idol_names or ()), find=_uids
)


def _conditions(criteria: "IdolCriteria", context: Context) -> Sequence[Condition]:
    uids = [context.results(IDOL_UIDS).get(name) for name in folded(criteria.idol_names or ())]
    return link_conditions(FOLLOWING, "any({}::uuid[])", uids, is_any=criteria.idol_relations == "any")


def _plan(criteria: "IdolCriteria", context: Context) -> Plan:
    return link_plan(
        "idol", criteria.idol_names or (), context.results(IDOL_UIDS), is_any=criteria.idol_relations == "any"
    )


def _missing(criteria: "IdolCriteria", context: Context, is_excluded: bool) -> Iterable[tuple[str, str]]:  # noqa: FBT001 - as in Joint
    messages = unknown_names("idol", criteria.idol_names or (), context.results(IDOL_UIDS)) if is_excluded else ()
    return (("idol_names", each) for each in messages)


IDOL_NAME = References(
    {"idol_name": "{}"},
    {
        "idol_name": """
            select idol_name as key, idol_name as name from idols
            where account_id = $1 and fold_text(idol_name) like $2 and ($3::text[] is null or idol_name = any($3))
            group by idol_name order by fold_text(idol_name) limit $4
        """
    },
)
IDOLS = Joint["IdolCriteria"](
    condition=_conditions,
    reads=(IDOL,),
    shows="""(select coalesce(jsonb_agg(d.idol_name order by fold_text(d.idol_name)), '[]') from fan_idols i
        join idols d on d.account_id = $1 and d.idol_uid = i.idol_uid
        where i.account_id = $1 and i.fan_id = f.fan_id)""",
    plan=_plan,
    lookups=(IDOL_UIDS,),
    missing=_missing,
)


class IdolCriteria(TagCriteria):
    """Adds the criteria on idols."""

    idol_names: Annotated[
        Names | None,
        "Fan of these idols, by name, whether chosen by the fan or derived; case is ignored",
        IDOLS,
        IDOL_NAME,
        Phrase("are fans of {idol_relations} of the idols {}"),
    ] = None
    idol_relations: Annotated[
        Relation,
        "Whether one of the idols is enough (any) or all are needed",
        Modifier(IDOLS),
        Phrase("{}", RELATION_WORDS),
    ] = "any"
