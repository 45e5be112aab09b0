"""Writes the templates of an account and of its businesses."""

from datetime import datetime

import asyncpg

from fanfare.kernel.data.announcements import HOLD, also, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.folding import fold
from fanfare.messages.schemas.templates import NewTemplate
from fanfare.messages.topics import MESSAGE_TEMPLATE_CREATED, MESSAGE_TEMPLATE_DELETED, MESSAGE_TEMPLATE_UPDATED

SAVE = Sql(f"""
    with {HOLD},
    saved as (
        insert into message_templates as t (account_id, template_id, template_name, channel, template_language,
                                            business_id, subject, text_body, html_body, created_at, updated_at)
        select $1, nextval('positions'), :name, :channel, :language, :business_id, :subject, :text, :html, :now, :now
        from hold
        on conflict (account_id, template_name, channel, template_language, coalesce(business_id, 0)) do update
        set subject = excluded.subject, text_body = excluded.text_body, html_body = excluded.html_body,
            updated_at = excluded.updated_at
        returning template_id, xmax = 0 as is_new
    ),
    announced as (
        {announce(MESSAGE_TEMPLATE_CREATED, "saved where is_new", at=":now")}
        {also(MESSAGE_TEMPLATE_UPDATED, "saved where not is_new", at=":now")}
    )
    select template_id from saved
""")  # noqa: S608 - fixed parts


async def save_template(db: Db, account_id: int, new: NewTemplate, now: datetime) -> int:
    """Create a template or update the one of that name, channel, language and business; return its id."""
    text = new.text
    try:
        template_id: int = await db.value(
            SAVE,
            account_id,
            name=new.template_name,
            channel=new.channel,
            language=fold(new.language),
            business_id=new.business_id,
            subject=text.subject,
            text=text.text,
            html=text.html,
            now=now,
        )
    except asyncpg.ForeignKeyViolationError:
        raise Unknown(business=new.business_id) from None
    return template_id


DELETE = announced_deletion(
    MESSAGE_TEMPLATE_DELETED,
    "delete from message_templates where account_id = $1 and template_id = $2",
    returning="template_id",
)


async def delete_template(db: Db, account_id: int, template_id: int, now: datetime) -> None:
    """Delete a template; the one that comes with Fanfare takes its place. Refuses (404) an unknown one."""
    if await db.value(DELETE, account_id, template_id, now) is None:
        raise Unknown(template=template_id)
