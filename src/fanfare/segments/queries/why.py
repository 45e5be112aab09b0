"""Why a fan is in a segment or not: each criterion by itself, put to the one fan, beside the value that it saw.

The conditions are the search's own: what all criteria say together is what the search says.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.errors import Unknown
from fanfare.search.queries import stored
from fanfare.search.queries.criteria import Setting, criteria, inside
from fanfare.search.queries.faults import setting
from fanfare.search.queries.where import Criterion, numbered
from fanfare.search.schemas.search import Criteria
from fanfare.segments.queries.segments import criteria_of
from fanfare.segments.schemas.segments import OneMember, Verdict, Why

# Criteria that mean something only together, each under the name of its first.
TOGETHER = (
    ("crm_start_active_date", "crm_end_active_date"),
    ("fan_tags", "fan_tag_relations"),
    ("idol_names", "idol_relations"),
    ("tickets", *(name for name in Criteria.__struct_fields__ if name.startswith("ticket_"))),
)

ACTIVE = """(select jsonb_build_object('first_active_timestamp', floor(extract(epoch from a.first_active_at))::bigint,
                                        'last_active_timestamp', floor(extract(epoch from a.last_active_at))::bigint)
    from fan_activity a where a.account_id = $1 and a.fan_id = f.fan_id)"""
SNAPSHOTS = """(select coalesce(jsonb_agg(s.snapshot_uid order by s.snapshot_uid), '[]') from snapshot_members s
    where s.account_id = $1 and s.fan_id = f.fan_id)"""
# What each criterion looks at, of the fan `f`.
SEEN: dict[str, str] = {
    "name": "to_jsonb(concat_ws(' ', f.first_name, f.last_name, f.email))",
    **dict.fromkeys(("crm_active_days", "crm_inactive_days", "crm_start_active_date"), ACTIVE),
    **dict.fromkeys(("fan_youngest_age", "fan_oldest_age"), "to_jsonb(f.birth_date)"),
    **dict.fromkeys(("fan_incl_snapshot_uids", "fan_excl_snapshot_uids"), SNAPSHOTS),
    "fan_tags": """(select coalesce(jsonb_agg(t.tag_name order by fold_text(t.tag_name)), '[]') from fan_tags g
        join tags t on t.account_id = $1 and t.tag_id = g.tag_id where g.account_id = $1 and g.fan_id = f.fan_id)""",
    "fan_networks": """(select coalesce(jsonb_agg(distinct i.network), '[]') from fan_identifiers i
        where i.account_id = $1 and i.fan_id = f.fan_id)""",
    "fan_is_subscribed": "to_jsonb(f.is_subscribed)",
    "fan_is_optout": "to_jsonb(f.is_optout)",
    "fan_is_phone_subscribed": "to_jsonb(f.is_phone_subscribed)",
    "fan_postal_codes": "to_jsonb(f.postal_code)",
    "fan_provinces": "to_jsonb(f.province)",
    "fan_rating": "to_jsonb(f.rating)",
    "fan_gender": "to_jsonb(f.gender)",
    "fan_source": "to_jsonb(f.fan_source)",
    "fan_metro_areas": "to_jsonb(f.metro_area)",
    **dict.fromkeys(
        ("fan_start_creation_date", "fan_end_creation_date"),
        "to_jsonb(floor(extract(epoch from f.created_at))::bigint)",
    ),
    "idol_names": """(select coalesce(jsonb_agg(d.idol_name order by fold_text(d.idol_name)), '[]') from fan_idols i
        join idols d on d.account_id = $1 and d.idol_uid = i.idol_uid
        where i.account_id = $1 and i.fan_id = f.fan_id)""",
    "tickets": """(select jsonb_build_object('ticket_count', count(*), 'seat_count', coalesce(sum(t.num_seats), 0))
        from tickets t where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted)""",
}
ONE = "select {told} from fans f where f.account_id = $1 and {condition}"
REFERRING = ("fan_incl_segments", "fan_excl_segments")


async def why(db: Db, account: Account, wanted: OneMember, now: datetime) -> Why:
    """Return what each criterion of a segment says of a fan; refuse an unknown segment or fan."""
    whole = await criteria_of(db, account.id, wanted)
    at = await setting(db, account, whole, now)
    parts = apart(whole)
    asked = [_verdict(each, at) for each in parts.values()]
    asked += [_seen(name, each, at) for name, each in parts.items()]
    found = await _asked(db, account.id, wanted.fan_id, asked)
    verdicts = [
        Verdict(name, stored.kept(each), found[place], found[len(parts) + place])
        for place, (name, each) in enumerate(parts.items())
    ]
    is_member = all(each.is_met for each in verdicts)
    return Why(wanted.fan_id, wanted.segment_type, wanted.segment_id, is_member, verdicts)


def apart(whole: Criteria) -> dict[str, Criteria]:
    """Return the criteria one by one, those together that mean something only together, by their name."""
    given = set(stored.kept(whole))
    found: dict[str, Criteria] = {}
    for group in TOGETHER:
        # A relation, or turning round, means nothing without what it is said of.
        if given & set(group[:1] if group[0] in ("fan_tags", "idol_names") else group):
            found[group[0]] = _only(whole, given & set(group))
        given -= set(group)
    found |= {name: _only(whole, {name}) for name in Criteria.__struct_fields__ if name in given}
    return found


def _only(whole: Criteria, names: set[str]) -> Criteria:
    return Criteria(**{name: getattr(whole, name) for name in names})


def _verdict(wanted: Criteria, at: Setting) -> Criterion:
    parts = list(criteria(wanted, at))
    values = tuple(value for part in parts for value in part.values)
    return Criterion(f"({' and '.join(part.sql for part in parts) or 'true'}) is true", values)


def _seen(name: str, wanted: Criteria, at: Setting) -> Criterion:
    """Return what reads the value that a criterion saw; of segments those of them that the fan is in."""
    if name not in REFERRING:
        return Criterion(SEEN[name])
    named = [(segment, inside(segment, at)) for segment in getattr(wanted, name)]
    known = [(segment, part) for segment, part in named if part is not None]
    cases = ", ".join(f"case when {part.sql} then {{}}::text end" for _, part in known)
    values = tuple(value for segment, part in known for value in (*part.values, segment))
    return Criterion(f"to_jsonb(array_remove(array[{cases}]::text[], null))", values)


async def _asked(db: Db, account_id: int, fan_id: int, asked: Sequence[Criterion]) -> list[Any]:
    """Return the answers of one fan to what is asked."""
    columns, args = numbered(account_id, [*asked, Criterion("f.fan_id = {}", (fan_id,))])
    row = await db.row(Composed(ONE.format(told=", ".join(columns[:-1]) or "true", condition=columns[-1])), *args)
    if row is None:
        raise Unknown(fan=fan_id)
    return list(row)
