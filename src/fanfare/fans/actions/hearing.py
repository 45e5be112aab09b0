"""What `finding` does about the words on consent that come with persons, as parts of its statement.

A word counts by the moment it was given, which is never later than now. `spoken` tells of each fan what the words of
the statement come to: in each channel and about opting out the moment that counts and the flag. At one moment no beats
yes. `consents.Fold` says the same of a whole ledger; here SQL says it, since between two statements the word of another
writer could come.
"""

from fanfare.fans.topics import CONSENT_GIVEN, CONSENT_WITHDRAWN
from fanfare.kernel.data.announcements import also

# What an erasure withdrew of those who come back. A mail address is one person's, so everything; a number may be
# shared, so what was said of the number.
WITHDRAWN = """
    withdrawn as materialized (
        select c.fan_id, case c.network when 'email' then 'everything' else 'phone' end as channel, e.erased_at
        from claims c cross join lateral (select e.erased_at {erased}) e
    ),
    closed as (
        update fan_businesses b set is_opted_in = false, updated_at = w.erased_at
        from withdrawn w
        where b.account_id = $1 and b.fan_id = w.fan_id and w.channel = 'everything'
          and b.is_opted_in and b.updated_at <= w.erased_at
        returning b.fan_id
    )
"""
WORDS = """
    words as materialized (
        select nextval('positions') as consent_id, s.*
        from hold cross join (
            select g.place, who.fan_id, said.channel, said.is_granted, :source::text as consent_source, g.ip_address,
                   least(said.given_at, :now) as given_at
            from given g
            join who on who.place = g.place
            cross join lateral (values ('email', g.is_subscribed, g.mail_said_at),
                                       ('phone', g.is_phone_subscribed, g.phone_said_at))
                as said (channel, is_granted, given_at)
            where said.is_granted is not null
            {withdrawn}
            order by place) as s
    ),
    said as (
        insert into consents (account_id, consent_id, fan_id, channel, is_granted, consent_source, ip_address, given_at)
        select $1, consent_id, fan_id, channel, is_granted, consent_source, ip_address, given_at from words
    )
"""
AS_WORDS = "union all select -1, fan_id, channel, false, 'erasure', null, erased_at from withdrawn"
MAXIMA = ", ".join(
    f"coalesce(max(given_at) filter (where {condition}), '-infinity') as {name}"
    for name, condition in {
        "mail_yes": "channel = 'email' and is_granted",
        "mail_no": "channel in ('email', 'everything') and not is_granted",
        "phone_yes": "channel = 'phone' and is_granted",
        "phone_no": "channel in ('phone', 'everything') and not is_granted",
        "any_yes": "is_granted",
        "all_no": "channel = 'everything' and not is_granted",
    }.items()
)
SPOKEN = f"""
    spoken as materialized (
        select fan_id, greatest(mail_yes, mail_no) as mail_at, mail_yes > mail_no as mail_flag,
               greatest(phone_yes, phone_no) as phone_at, phone_yes > phone_no as phone_flag,
               greatest(any_yes, all_no) as out_at, all_no >= any_yes and all_no > '-infinity' as out_flag,
               {{is_closed}} as is_closed
        from (select fan_id, {MAXIMA} from words group by fan_id) as heard
    )
"""  # noqa: S608 - fixed parts
IS_CLOSED = "fan_id in (select fan_id from closed)"
# Whether what was spoken is news to a fan `f`, in each of the three.
MAIL_NEWS, PHONE_NEWS, OUT_NEWS = (
    f"(s.{word}_at > coalesce(f.{column}, '-infinity') or s.{word}_at = f.{column} and {beats} s.{word}_flag)"
    for word, column, beats in (
        ("mail", "email_word_at", "not"),
        ("phone", "phone_word_at", "not"),
        ("out", "optout_word_at", ""),
    )
)
# The fans who speak, with what they are to be, locked so that it follows from them as the last writer left them.
LOCKED = f"""
    locked as materialized (
        select k.*, case when {MAIL_NEWS} then s.mail_flag else f.is_subscribed end as is_mailed,
               case when {PHONE_NEWS} then s.phone_flag else f.is_phone_subscribed end as is_texted,
               case when {OUT_NEWS} then s.out_flag else f.is_optout end as is_out,
               nullif(greatest(f.email_word_at, s.mail_at), '-infinity') as mail_at,
               nullif(greatest(f.phone_word_at, s.phone_at), '-infinity') as phone_at,
               nullif(greatest(f.optout_word_at, s.out_at), '-infinity') as out_at,
               {MAIL_NEWS} or {PHONE_NEWS} or {OUT_NEWS} as is_news,
               {{fills}} or {MAIL_NEWS} and s.mail_flag <> f.is_subscribed
                   or {PHONE_NEWS} and s.phone_flag <> f.is_phone_subscribed
                   or {OUT_NEWS} and s.out_flag <> f.is_optout
                   or s.is_closed as is_changed
        from met k
        join spoken s on s.fan_id = k.fan_id
        join fans f on f.account_id = $1 and f.fan_id = k.fan_id
        order by f.fan_id
        for no key update of f
    )
"""  # noqa: S608 - fixed parts
# What a new fan is: three flags and the moments of the words that decided them.
NEW_FLAGS = """coalesce(s.mail_flag, false), coalesce(s.phone_flag, false), coalesce(s.out_flag, false),
               nullif(s.mail_at, '-infinity'), nullif(s.phone_at, '-infinity'), nullif(s.out_at, '-infinity')"""
# What becomes of a known one.
FLAGS_SET = """
            is_subscribed = coalesce(k.is_mailed, f.is_subscribed),
            is_phone_subscribed = coalesce(k.is_texted, f.is_phone_subscribed),
            is_optout = coalesce(k.is_out, f.is_optout),
            email_word_at = coalesce(k.mail_at, f.email_word_at),
            phone_word_at = coalesce(k.phone_at, f.phone_word_at),
            optout_word_at = coalesce(k.out_at, f.optout_word_at),
"""
# The fans who are met: those who speak as they are locked, the others as they come.
EACH = """
                select met.*, null::boolean as is_mailed, null::boolean as is_texted, null::boolean as is_out,
                       null::timestamptz as mail_at, null::timestamptz as phone_at, null::timestamptz as out_at,
                       false as is_news, true as is_changed
                from met where fan_id not in (select fan_id from spoken)
                union all
                select * from locked
"""
WORD = {"position": "consent_id", "at": ":now", "business_id": "null::bigint"}
ANNOUNCED = f"""
        {also(CONSENT_GIVEN, "words where is_granted", **WORD)}
        {also(CONSENT_WITHDRAWN, "words where not is_granted", **WORD)}
"""


def consent_ctes(fills: str, *, erased: str | None) -> str:
    """Return the CTEs that hear words. `fills` is whether a person fills a fan, `erased` who was erased, or nobody."""
    withdrawals = [WITHDRAWN.format(erased=erased)] if erased else []
    words = WORDS.format(withdrawn=AS_WORDS if erased else "")
    spoken = SPOKEN.format(is_closed=IS_CLOSED if erased else "false")
    return ",".join([*withdrawals, words, spoken, LOCKED.format(fills=fills)]) + ","
