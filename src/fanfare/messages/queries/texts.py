"""Reads the text that a message is made of."""

from fanfare.kernel.data.db import Db
from fanfare.messages.templates.builtin import BUILTIN, DEFAULT_LANGUAGE, KINDS, Text

# Of the name that a message is signed with: a subject has no room for a longer one, and the message would never leave.
LONGEST_NAME = 80


def languages(language: str) -> list[str]:
    """Return a language, then what it is a form of, then the default: de-ch, de, en."""
    return list(dict.fromkeys(filter(None, (language, language.partition("-")[0], DEFAULT_LANGUAGE))))


async def own_text(db: Db, account_id: int, name: str, channel: str, language: str, business_id: int | None) -> Text:
    """Return the text of a template: in the best language the business's own, else the account's, else the built-in.

    What lets staff in is always the built-in text: whoever writes templates must not lead people elsewhere.
    """
    choices = languages(language)
    rank = next(place for place, each in enumerate(choices) if (name, channel, each) in BUILTIN)
    if KINDS[name].is_for_staff:
        return BUILTIN[name, channel, choices[rank]]
    rows = await db.rows(
        """
        select template_language, business_id, subject, text_body, html_body from message_templates
        where account_id = $1 and template_name = $2 and channel = $3 and template_language = any($4::text[])
          and (business_id is null or business_id = $5)
        order by array_position($4::text[], template_language), business_id nulls last
        limit 1
        """,
        account_id,
        name,
        channel,
        choices,
        business_id,
    )
    if rows and choices.index(rows[0]["template_language"]) <= rank:
        return Text(rows[0]["text_body"], rows[0]["subject"], rows[0]["html_body"])
    return BUILTIN[name, channel, choices[rank]]


async def sender_name(db: Db, account_id: int, business_id: int | None) -> str:
    """Return what a message is signed with: the name of the business, or of the account, or the beginning of it."""
    name: str = await db.value(
        """
        select coalesce((select business_name from businesses where account_id = $1 and business_id = $2), account_name)
        from accounts where account_id = $1
        """,
        account_id,
        business_id,
    )
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"
