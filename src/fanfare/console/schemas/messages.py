"""Shapes of the forms of messages."""

from typing import Annotated

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, Text
from fanfare.messages.schemas.messages import STATES, ChannelName
from fanfare.messages.schemas.templates import Language, Source, Subject, TemplateName


class MessageListQuery(Params):
    """Which messages the list shows."""

    channel: Annotated[ChannelName | None, "Only mail or only SMS."] = None
    state: Annotated[Annotated[str, ChoiceForm(*STATES)] | None, "Only messages in this state."] = None
    recipient: Annotated[Text | None, "Only messages to this address."] = None
    max_message_id: Annotated[Id | None, "Only earlier messages."] = None


class TemplateChoice(Params):
    """Which template."""

    template_name: Annotated[TemplateName, "What the message is for."]
    channel: Annotated[ChannelName, "email or sms."] = "email"
    language: Annotated[Language, "Language."] = "en"
    business_id: Annotated[Id | None, "Business."] = None


class TemplateForm(TemplateChoice, kw_only=True):
    """The texts of a template, and whether they are saved, tried out or sent to somebody."""

    text_body: Annotated[Source, "Plain text."]
    subject: Annotated[Subject | None, "Subject."] = None
    html_body: Annotated[Source | None, "HTML."] = None
    act: Annotated[Annotated[str, ChoiceForm("save", "preview")], "What to do."] = "save"


class TemplateTest(TemplateChoice, kw_only=True):
    """A test of a template, by a message with sample values."""

    recipient: Annotated[Text, "Address."]


class SuppressionListQuery(Params):
    """Which suppressions the list shows."""

    recipient: Annotated[Text | None, "Only this address."] = None
    cursor: NextCursor = None


class SuppressionForm(Params, kw_only=True):
    """An address that is to get no messages."""

    channel: Annotated[ChannelName, "email or sms."]
    recipient: Annotated[Text, "Address."]
