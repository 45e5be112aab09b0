"""Exports of other products, recognised by their columns: the field of each column, and the words of consent in a row.

No word counts as a yes unless the contact said it. What is a no of any kind there (unsubscribed, cleaned, bounced,
suppressed) is a no here.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from fanfare.kernel.folding import fold

Cells = Mapping[str, str]
# What products write into a cell for a flag that is not set.
UNSET = frozenset({"", "0", "false", "no", "off", "none", "null", "[]", "n/a"})


class Word(msgspec.Struct, frozen=True):
    """A yes or no to a channel, when it was said as the file has it, and what it is called there."""

    field: str
    is_granted: bool
    moment: str
    reason: str


class Preset(msgspec.Struct, frozen=True):
    """A product. `signs` are sets of columns of which one is in each of its exports.

    `columns` has the field of each column, or None for none, the preferred ones first. All names are in lower case.
    """

    name: str
    title: str
    signs: tuple[frozenset[str], ...]
    columns: Mapping[str, str | None]
    words: Callable[[Cells], list[Word]]
    addresses: tuple[str, ...] = ()

    def is_export(self, columns: Sequence[str]) -> bool:
        """Return whether a file with these columns is an export of the product."""
        names = {_name(column) for column in columns}
        return any(sign <= names for sign in self.signs)

    def mapping(self, columns: Sequence[str]) -> dict[str, str | None]:
        """Return the field of each column that the product has; no field has two."""
        by_name = {_name(column): column for column in columns}
        result: dict[str, str | None] = {}
        for name, field in self.columns.items():
            if name in by_name:
                result[by_name[name]] = None if field in result.values() else field
        return result

    def consents(self, cells: Mapping[str, object]) -> dict[str, str]:
        """Return the fields of a row that say what the contact agreed to and refused.

        A row has one time: with a yes and a no in it there is none, so that the yes is older than every no, and the no
        as late as the file.
        """
        texts = {_name(column): str(value).strip() for column, value in cells.items() if value is not None}
        words = self.words(texts)
        if not words:
            return {}
        fields = {word.field: "true" if word.is_granted else "false" for word in words}
        moments = {(word.is_granted, word.moment) for word in words}
        if len(moments) == 1 and words[0].moment:
            fields["consent_timestamp"] = words[0].moment
        fields["consent_source"] = f"{self.title}: {', '.join(dict.fromkeys(word.reason for word in words))}"
        address = next((text for name in self.addresses if (text := texts.get(name))), None)
        return {**fields, "ip_address": address} if address else fields


def _name(column: str) -> str:
    return " ".join(fold(column).split())


def _is_set(text: str | None) -> bool:
    return text is not None and fold(text) not in UNSET


def _mailchimp_words(cells: Cells) -> list[Word]:
    """Return the words of a row: the three files of an audience differ by their columns.

    OPTIN_TIME is empty for contacts who were added by the account: they said nothing.
    """
    if "unsub_time" in cells:
        return [Word("is_subscribed", is_granted=False, moment=cells["unsub_time"], reason="unsubscribed")]
    if "clean_time" in cells:
        return [Word("is_subscribed", is_granted=False, moment=cells["clean_time"], reason="cleaned")]
    if not cells.get("optin_time"):
        return []
    moment = cells.get("confirm_time") or cells["optin_time"]
    return [Word("is_subscribed", is_granted=True, moment=moment, reason="opt-in")]


KLAVIYO = {"email marketing consent": "is_subscribed", "sms marketing consent": "is_phone_subscribed"}
KLAVIYO_SUPPRESSIONS = ("email suppressions", "email suppression", "email suppression reason", "suppressed")


def _klaviyo_words(cells: Cells) -> list[Word]:
    words = []
    is_suppressed = any(_is_set(cells.get(name)) for name in KLAVIYO_SUPPRESSIONS)
    for column, field in KLAVIYO.items():
        state = fold(cells.get(column, "")).replace(" ", "_")
        moment = cells.get(f"{column} timestamp", "")
        if is_suppressed and field == "is_subscribed":
            # Nobody says since when: at the latest since the file.
            words.append(Word(field, is_granted=False, moment="", reason="suppressed"))
        elif state in ("subscribed", "unsubscribed"):
            words.append(Word(field, is_granted=state == "subscribed", moment=moment, reason=f"{column} {state}"))
    return words


HUBSPOT_BASIS = "legal basis for processing contact's data"
HUBSPOT_CONSENT = "freely given consent from contact"
HUBSPOT_REFUSALS = {
    "unsubscribed from all email": "unsubscribed from all email",
    "email hard bounce reason": "hard bounce",
    "email address quarantined": "quarantined",
}


def _hubspot_words(cells: Cells) -> list[Word]:
    """Return the words of a row. An opt-out of one type of mail counts as a no, since we have no types."""
    reasons = [reason for column, reason in HUBSPOT_REFUSALS.items() if _is_set(cells.get(column))]
    reasons += [name for name, text in cells.items() if name.startswith("opted out of email") and _is_set(text)]
    if reasons:
        return [Word("is_subscribed", is_granted=False, moment="", reason=reasons[0])]
    if HUBSPOT_CONSENT in fold(cells.get(HUBSPOT_BASIS, "")):
        return [Word("is_subscribed", is_granted=True, moment="", reason=HUBSPOT_CONSENT)]
    return []


MAUTIC = {
    "is_subscribed": ("donotemail", "do_not_contact", "donotcontact", "dnc", "dnc_email"),
    "is_phone_subscribed": ("donotsms", "do_not_contact", "donotcontact", "dnc", "dnc_sms"),
}


def _mautic_words(cells: Cells) -> list[Word]:
    """Return the words of a row: Mautic knows who must not be contacted, but not who agreed."""
    return [
        Word(field, is_granted=False, moment="", reason="do not contact")
        for field, columns in MAUTIC.items()
        if any(_is_set(cells.get(column)) for column in columns)
    ]


# Columns that are not said by the contact, such as the place of an IP address, are mapped to no field.
PRESETS = {
    each.name: each
    for each in (
        Preset(
            "mailchimp",
            "Mailchimp",
            (frozenset({"email address", "leid", "euid"}),),
            {
                "email address": "email", "first name": "first_name", "last name": "last_name", "phone number": "phone",
                "phone": "phone", "latitude": None, "longitude": None, "region": None, "birthday": None,
                "optin_ip": None, "confirm_ip": None, "optin_time": None, "confirm_time": None,
            },
            _mailchimp_words,
            ("confirm_ip", "optin_ip"),
        ),
        Preset(
            "klaviyo",
            "Klaviyo",
            (frozenset({"email", "klaviyo id"}),),
            {
                "email": "email", "first name": "first_name", "last name": "last_name", "phone number": "phone",
                "city": "city", "state / region": "province", "country": "country_code", "country code": "country_code",
                "zip code": "postal_code", "latitude": None, "longitude": None, "ip address": "ip_address",
            },
            _klaviyo_words,
        ),
        Preset(
            "hubspot",
            "HubSpot",
            (
                frozenset({"record id", "email", "first name"}),
                frozenset({"record id - contact", "email"}),
                frozenset({"contact id", "email", "lifecycle stage"}),
            ),
            {
                "email": "email", "first name": "first_name", "last name": "last_name", "mobile phone number": "phone",
                "phone number": "phone", "date of birth": "birth_date", "city": "city", "state/region": "province",
                "country/region": "country_code", "postal code": "postal_code",
            },
            _hubspot_words,
        ),
        Preset(
            "mautic",
            "Mautic",
            tuple(
                frozenset({"email", "firstname", "lastname", mark})
                for mark in ("preferred_locale", "attribution", "dateidentified", "date_identified", "donotemail")
            ),
            {
                "email": "email", "firstname": "first_name", "lastname": "last_name", "mobile": "phone",
                "phone": "phone", "city": "city", "state": "province", "zipcode": "postal_code",
                "country": "country_code", "ip": "ip_address", "ipaddress": "ip_address",
            },
            _mautic_words,
        ),
    )
}  # fmt: skip
# Chosen in place of a product, so that nothing is read beyond the mapping.
NO_PRESET = "none"


def preset_of(columns: Sequence[str]) -> str | None:
    """Return the name of the product whose export has these columns, None for an unknown one."""
    return next((preset.name for preset in PRESETS.values() if preset.is_export(columns)), None)
