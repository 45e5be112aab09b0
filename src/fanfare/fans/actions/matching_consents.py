"""CTEs of the statement in `matching` that record the consents of persons and set the flags of their fans.

A consent counts from the time it was given, at most now. `consent_state` has, per fan, the state that the consents of
this statement add up to: for each channel and for opting out, the flag and the time that decides it. At the same time,
no overrides yes. A yes of an import without a time is older than every no. `consents.ConsentState` implements the same
rule for a whole ledger; here it is SQL, since another transaction could commit a consent between two statements.
"""

from fanfare.fans.topics import CONSENT_GIVEN, CONSENT_WITHDRAWN
from fanfare.kernel.data.announcements import also

# Consents that an erasure withdrew, of a fan who is created again: all for an email address, which is one person's;
# only those of the channel phone for a number, which may be shared.
WITHDRAWALS = """
    withdrawals as materialized (
        select c.fan_id, case c.network when 'email' then 'everything' else 'phone' end as channel, e.erased_at
        from claims c cross join lateral (select e.erased_at {erased}) e
    ),
    closed_businesses as (
        update fan_businesses b set is_opted_in = false, updated_at = w.erased_at
        from withdrawals w
        where b.account_id = $1 and b.fan_id = w.fan_id and w.channel = 'everything'
          and b.is_opted_in and b.updated_at <= w.erased_at
        returning b.fan_id
    )
"""
ENTRIES = """
    entries as materialized (
        select nextval('positions') as consent_id, s.*,
               case when s.is_undated then timestamptz 'epoch' else s.given_at end as counts_from
        from hold cross join (
            select g.place, resolved.fan_id, c.channel, c.is_granted,
                   coalesce(g.consent_source, :source::text) as consent_source, g.consent_wording, g.ip_address,
                   least({given_at}, :now) as given_at, {is_undated} as is_undated
            from persons g
            join resolved on resolved.place = g.place
            cross join lateral (values ('email', g.is_subscribed, g.mail_consent_at),
                                       ('phone', g.is_phone_subscribed, g.phone_consent_at))
                as c (channel, is_granted, given_at)
            where c.is_granted is not null {guard}
            {withdrawals}
            order by place) as s
    ),
    insert_consents as (
        insert into consents (account_id, consent_id, fan_id, channel, is_granted, consent_source, wording, ip_address,
                              given_at, is_undated)
        select $1, consent_id, fan_id, channel, is_granted, consent_source, consent_wording, ip_address, given_at,
               is_undated
        from entries
    )
"""
# Whether a yes of an import would override a no of the fan `f`, or the no to everything; an older yes
# does not, and is part of the history. Without a time it counts from the upload.
OVERRIDES_MAIL, OVERRIDES_PHONE = (
    f"""coalesce(not f.{flag} and {given_at} >= f.{moment} or f.is_optout and {given_at} >= f.optout_word_at, false)"""
    for flag, moment, given_at in (
        ("is_subscribed", "email_word_at", "least(coalesce(g.mail_consent_at, :uploaded_at), :now)"),
        ("is_phone_subscribed", "phone_word_at", "least(coalesce(g.phone_consent_at, :uploaded_at), :now)"),
    )
)
# Whether a yes of an import is for an address or number of a person who was erased before.
IS_WITHDRAWN = """
    exists (select from withdrawals w
            where w.fan_id = {fan_id} and w.channel in ('everything', {channel})
              and w.erased_at <= coalesce({given_at}, :uploaded_at))
"""
GUARD = f"""
              and not (c.is_granted and (resolved.fan_id not in (select fan_id from new_ids) and exists (
                  select from fans f
                  where f.account_id = $1 and f.fan_id = resolved.fan_id
                    and case c.channel when 'email' then {OVERRIDES_MAIL} else {OVERRIDES_PHONE} end)
                  {{withdrawn}}))
"""  # noqa: S608 - fixed parts
WITHDRAWN_ENTRIES = (
    "union all select -1, fan_id, channel, false, 'erasure', null, null, erased_at, false from withdrawals"
)
MAXIMA = ", ".join(
    f"coalesce(max(counts_from) filter (where {condition}), '-infinity') as {name}"
    for name, condition in {
        "mail_yes": "channel = 'email' and is_granted",
        "mail_no": "channel in ('email', 'everything') and not is_granted",
        "phone_yes": "channel = 'phone' and is_granted",
        "phone_no": "channel in ('phone', 'everything') and not is_granted",
        "any_yes": "is_granted",
        "all_no": "channel = 'everything' and not is_granted",
    }.items()
)
STATE = f"""
    consent_state as materialized (
        select fan_id, greatest(mail_yes, mail_no) as mail_at, mail_yes > mail_no as mail_flag,
               greatest(phone_yes, phone_no) as phone_at, phone_yes > phone_no as phone_flag,
               greatest(any_yes, all_no) as out_at, all_no >= any_yes and all_no > '-infinity' as out_flag,
               {{is_closed}} as is_closed
        from (select fan_id, {MAXIMA} from entries group by fan_id) as maxima
    )
"""  # noqa: S608 - fixed parts
IS_CLOSED = "fan_id in (select fan_id from closed_businesses)"
# Whether the state `s` is newer than that of a fan `f`, for each of the three flags.
MAIL_NEWER, PHONE_NEWER, OUT_NEWER = (
    f"(s.{name}_at > coalesce(f.{column}, '-infinity') or s.{name}_at = f.{column} and {negation} s.{name}_flag)"
    for name, column, negation in (
        ("mail", "email_word_at", "not"),
        ("phone", "phone_word_at", "not"),
        ("out", "optout_word_at", ""),
    )
)
# The fans with consents and their new flags, locked so that the flags are derived from the last committed version.
LOCKED = f"""
    spoken as materialized (
        select existing.* from existing where fan_id in (select fan_id from consent_state)
    ),
    locked as materialized (
        select k.*, case when {MAIL_NEWER} then s.mail_flag else f.is_subscribed end as is_mailed,
               case when {PHONE_NEWER} then s.phone_flag else f.is_phone_subscribed end as is_texted,
               case when {OUT_NEWER} then s.out_flag else f.is_optout end as is_out,
               nullif(greatest(f.email_word_at, s.mail_at), '-infinity') as mail_at,
               nullif(greatest(f.phone_word_at, s.phone_at), '-infinity') as phone_at,
               nullif(greatest(f.optout_word_at, s.out_at), '-infinity') as out_at,
               {MAIL_NEWER} or {PHONE_NEWER} or {OUT_NEWER} as is_newer,
               {{fills}} or {MAIL_NEWER} and s.mail_flag <> f.is_subscribed
                   or {PHONE_NEWER} and s.phone_flag <> f.is_phone_subscribed
                   or {OUT_NEWER} and s.out_flag <> f.is_optout
                   or s.is_closed as is_changed
        from spoken k
        join consent_state s on s.fan_id = k.fan_id
        join fans f on f.account_id = $1 and f.fan_id = k.fan_id
        order by f.fan_id
        for no key update of f
    )
"""  # noqa: S608 - fixed parts
# Of a new fan: three flags and the times of the consents that decide them.
NEW_FLAGS = """coalesce(s.mail_flag, false), coalesce(s.phone_flag, false), coalesce(s.out_flag, false),
               nullif(s.mail_at, '-infinity'), nullif(s.phone_at, '-infinity'), nullif(s.out_at, '-infinity')"""
# The same as assignments for an existing fan.
SET_FLAGS = """
            is_subscribed = coalesce(k.is_mailed, f.is_subscribed),
            is_phone_subscribed = coalesce(k.is_texted, f.is_phone_subscribed),
            is_optout = coalesce(k.is_out, f.is_optout),
            email_word_at = coalesce(k.mail_at, f.email_word_at),
            phone_word_at = coalesce(k.phone_at, f.phone_word_at),
            optout_word_at = coalesce(k.out_at, f.optout_word_at),
"""
# All existing fans: those with consents from `locked`, the others unlocked.
EACH = """
                select existing.*, null::boolean as is_mailed, null::boolean as is_texted, null::boolean as is_out,
                       null::timestamptz as mail_at, null::timestamptz as phone_at, null::timestamptz as out_at,
                       false as is_newer, true as is_changed
                from existing where fan_id not in (select fan_id from consent_state)
                union all
                select * from locked
"""
COLUMNS = {"position": "consent_id", "at": ":now", "business_id": "null::bigint"}
ANNOUNCE = f"""
        {also(CONSENT_GIVEN, "entries where is_granted", **COLUMNS)}
        {also(CONSENT_WITHDRAWN, "entries where not is_granted", **COLUMNS)}
"""


def refused_yeses(*, erased: bool) -> str:
    """Return which yeses of a person `g` a guarded statement leaves out, for the fan `f` or a new one.

    The sum of 1 for emails and 2 for the phone.
    """
    yeses = []
    for number, column, channel, given_at, overrides in (
        (1, "is_subscribed", "'email'", "g.mail_consent_at", OVERRIDES_MAIL),
        (2, "is_phone_subscribed", "'phone'", "g.phone_consent_at", OVERRIDES_PHONE),
    ):
        withdrawn = IS_WITHDRAWN.format(fan_id="r.fan_id", channel=channel, given_at=given_at)
        condition = f"({overrides} or {withdrawn})" if erased else overrides
        yeses.append(f"{number} * coalesce(g.{column} and {condition}, false)::integer")
    return " + ".join(yeses)


def consent_ctes(fills: str, *, erased: str | None, is_guarded: bool) -> str:
    """Return the CTEs. `fills` is the condition that a person fills a fan's columns.

    `erased` is the `from` clause that finds an erased identifier, or None when there is none. With `is_guarded` no yes
    overrides a no, and those without a time have that of `uploaded_at`.
    """
    withdrawals = [WITHDRAWALS.format(erased=erased)] if erased else []
    withdrawn = IS_WITHDRAWN.format(fan_id="resolved.fan_id", channel="c.channel", given_at="c.given_at")
    entries = ENTRIES.format(
        guard=GUARD.format(withdrawn=f"or {withdrawn}" if erased else "") if is_guarded else "",
        given_at="coalesce(c.given_at, :uploaded_at)" if is_guarded else "c.given_at",
        is_undated="c.is_granted and c.given_at is null" if is_guarded else "false",
        withdrawals=WITHDRAWN_ENTRIES if erased else "",
    )
    state = STATE.format(is_closed=IS_CLOSED if erased else "false")
    return ",".join([*withdrawals, entries, state, LOCKED.format(fills=fills)]) + ","
