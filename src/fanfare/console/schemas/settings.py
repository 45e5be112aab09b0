"""Shapes of the forms of settings, where they differ from those of calls."""

from typing import Annotated

from fanfare.accounts.schemas import Legal
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, Text, TextForm

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
