"""Reads templates."""

import asyncio
from collections.abc import Iterator

from fanfare.kernel.data.db import Db
from fanfare.messages.schemas.templates import MessagePreview, MessageTemplate, TemplatePreview
from fanfare.messages.templates.builtin import BUILTIN, KINDS, OF_ACCOUNTS
from fanfare.messages.templates.rendering import render


async def templates(db: Db, account_id: int) -> list[MessageTemplate]:
    """Return the templates of an account by name, then those that come with Fanfare."""
    rows = await db.rows(
        """
        select template_id, account_id, template_name, channel, template_language as language, business_id, subject,
               text_body, html_body, floor(extract(epoch from updated_at))::bigint as last_update_timestamp
        from message_templates where account_id = $1
        order by template_name, channel, template_language, business_id nulls first
        """,
        account_id,
    )
    changed_texts = [MessageTemplate(**{**row, **_values(row["template_name"])}) for row in rows]
    return [*changed_texts, *_builtin(account_id)]


async def preview(draft: TemplatePreview) -> MessagePreview:
    """Return a template as it looks with sample values."""
    # Beside the loop: compiling a long text takes a tenth of a second.
    samples = KINDS[draft.template_name].samples
    rendered = await asyncio.to_thread(render, draft.text, draft.channel, samples)
    return MessagePreview(rendered.subject, rendered.text, rendered.html)


def _builtin(account_id: int) -> Iterator[MessageTemplate]:
    changeable = {key: text for key, text in BUILTIN.items() if key[0] in OF_ACCOUNTS}
    for (name, channel, language), text in changeable.items():
        yield MessageTemplate(
            template_id=None,
            account_id=account_id,
            template_name=name,
            channel=channel,
            language=language,
            business_id=None,
            subject=text.subject,
            text_body=text.text,
            html_body=text.html,
            **_values(name),
            last_update_timestamp=None,
        )


def _values(name: str) -> dict[str, list[str]]:
    kind = KINDS[name]
    return {"values": sorted(kind.samples), "secret_values": sorted(kind.masked_names)}
