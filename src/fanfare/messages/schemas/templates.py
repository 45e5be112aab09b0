"""Shapes of templates."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, TextForm
from fanfare.messages.schemas.messages import ChannelName
from fanfare.messages.schemas.suppressions import Addressed
from fanfare.messages.templates.builtin import KINDS, OF_ACCOUNTS, Text
from fanfare.messages.templates.rendering import check

LANGUAGE = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}"
MAX_TEXT = 64 * 1024
# The fields of the parts of a template.
FIELDS = {"subject": "subject", "text": "text_body", "html": "html_body"}
Language = Annotated[str, TextForm(20, LANGUAGE, "must be a language such as en, de or fr-CA")]
TemplateName = Annotated[str, ChoiceForm(*OF_ACCOUNTS)]
Source = Annotated[str, TextForm(MAX_TEXT)]
Subject = Annotated[str, TextForm(500)]


class MessageTemplate(msgspec.Struct):
    """A template. template_id is null for one that comes with Fanfare, business_id for one of the whole account.

    values are what it may show; those in secret_values are codes and links.
    """

    template_id: int | None
    account_id: int
    template_name: str
    channel: str
    language: str
    business_id: int | None
    subject: str
    text_body: str
    html_body: str
    values: list[str]
    secret_values: list[str]
    last_update_timestamp: int | None


class TemplateText(Params, kw_only=True):
    """A template as it is written: a text with values such as {{ code }}, conditions and filters (Jinja)."""

    template_name: Annotated[TemplateName, "What the message is for."]
    channel: Annotated[ChannelName, "email or sms."]
    text_body: Annotated[Source, "Plain text, with values such as {{ code }}."]
    subject: Annotated[Subject | None, "Subject; mail needs one, SMS have none."] = None
    html_body: Annotated[Source | None, "HTML of a mail; values are escaped. Without it the mail is plain text."] = None

    @property
    def text(self) -> Text:
        """Return what it consists of."""
        return Text(self.text_body, self.subject or "", self.html_body or "")

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse what does not belong to the channel, and what cannot be rendered; each with its line."""
        channel, name = values.get("channel"), values.get("template_name")
        if channel == "email" and not values.get("subject"):
            yield "subject", "is required for mail"
        misplaced = [field for field in ("subject", "html_body") if channel == "sms" and values.get(field)]
        for field in misplaced:
            yield field, "is for mail only"
        if channel and name:
            parts = {part: values.get(field) or "" for part, field in FIELDS.items() if field not in misplaced}
            for part, message in check(KINDS[name], channel, Text(**{"text": "", **parts})):
                yield FIELDS[part], message


class NewTemplate(TemplateText, kw_only=True):
    """A template to create or update."""

    language: Annotated[Language, "Language, such as en, de or fr-CA."]
    business_id: Annotated[Id | None, "Business whose messages it is for; the whole account when left out."] = None

    example: ClassVar[Mapping[str, object]] = {
        "template_name": "login_code",
        "channel": "sms",
        "language": "en",
        "text_body": "{{ code }} is your code for {{ business_name }}. It is valid for {{ minutes }} minutes.",
    }


class TemplatePreview(TemplateText, kw_only=True):
    """A template to try out."""

    example: ClassVar[Mapping[str, object]] = {
        "template_name": "login_code",
        "channel": "email",
        "subject": "{{ code }} is your code",
        "text_body": "Your code is {{ code }}.",
        "html_body": "<p>Your code is <strong>{{ code }}</strong>.</p>",
    }


class MessagePreview(msgspec.Struct):
    """A template as it looks with sample values."""

    subject: str
    text_body: str
    html_body: str


class TemplateSaved(msgspec.Struct):
    """The template that was saved."""

    template_id: int


class SampleMessage(Addressed, kw_only=True):
    """A message with sample values."""

    template_name: Annotated[TemplateName, "What the message is for."]
    language: Annotated[Language | None, "Language, such as en, de or fr-CA; English when left out."] = None
    business_id: Annotated[Id | None, "Business whose template is taken."] = None

    example: ClassVar[Mapping[str, object]] = {
        "channel": "email",
        "recipient": "ada@example.com",
        "template_name": "login_code",
    }


class MessageQueued(msgspec.Struct):
    """The message that was queued."""

    message_id: int


class OneTemplate(Params):
    """Which template."""

    template_id: Annotated[Id, "Template by its id."]
