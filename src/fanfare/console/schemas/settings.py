"""Shapes of the forms of settings, where they differ from those of calls."""

from typing import Annotated

from fanfare.account_settings.schemas.retention import Days, Kind
from fanfare.accounts.schemas import Legal
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Currency, Id, Text, TextForm, TimeZone
from fanfare.messages.schemas.senders import SenderText
from fanfare.places.schemas import CountryCode

Color = Annotated[str, TextForm(7, r"#[0-9A-Fa-f]{6}", "must be a colour such as #00a6a6")]
Url = Annotated[str, TextForm(2000, r"https://\S+", "must be an https URL")]


class BusinessForm(Params):
    """A business with its texts; what is left empty is cleared."""

    business_id: Annotated[Id, "Business to change."]
    business_name: Annotated[Text, "Name of the team or brand."]
    legal_terms: Annotated[Legal | None, "Terms of use."] = None
    legal_privacy: Annotated[Legal | None, "Privacy policy."] = None
    legal_rules: Annotated[Legal | None, "Contest rules."] = None
    logo: Annotated[Url | None, "Address of the logo."] = None
    brand_color: Annotated[Color | None, "Colour of buttons."] = None


class HomeQuery(Params):
    """Of which change the page is to say what it means."""

    time_zone: Annotated[TimeZone | None, "Time zone to look at."] = None
    currency: Annotated[Currency | None, "Currency to look at."] = None


class CurrencyChange(Params):
    """The currency of new amounts."""

    currency: Annotated[Currency, "Currency."]


class CountryChange(Params):
    """The country of new phone numbers without a code."""

    country_code: Annotated[CountryCode | None, "Country; empty for none."] = None


class RetentionQuery(Params):
    """Of which change the page is to say how many rows it deletes."""

    retention_kind: Annotated[Kind | None, "What is kept."] = None
    retention_days: Annotated[Days | None, "Days."] = None


class OfBusiness(Params):
    """A business; none for the whole account."""

    business_id: Annotated[Id | None, "Business."] = None


class SenderForm(SenderText, kw_only=True):
    """A sender as its page has it."""

    sender_id: Annotated[Id, "Sender to change."]
