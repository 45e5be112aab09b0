"""Masks personal data for people without the right `personal` in an area: none of it may reach a page or an answer.

    mask = member.mask("tickets")
    mask.email(ticket.email)       # j…@e…
    mask.record(fan, "notes")      # every field of a person that `FIELDS` names, and `notes`

Country, province and city stay, as the figures have them; of a birth date the year.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
# What stands for a text that is not shown, or for the rest of one.
HIDDEN = "…"


def masked_name(name: str) -> str:
    """Return the initials: `J. C.`."""
    return " ".join(f"{word[0]}." for word in name.split()[:4])


def masked_email(email: str) -> str:
    """Return the first letters of both parts: `j…@e…`."""
    local, _, domain = email.strip().rpartition("@")
    return f"{local[:1]}{HIDDEN}@{domain[:1]}{HIDDEN}"


def masked_phone(phone: str) -> str:
    """Return the sign and digit that it begins with: `+1…`."""
    digits = phone.strip()
    return digits[: 2 if digits.startswith("+") else 1] + HIDDEN


def masked_contact(contact: str) -> str:
    """Return an email address or a phone number, whichever it is, masked."""
    return masked_email(contact) if "@" in contact else masked_phone(contact)


def masked_word(word: str) -> str:
    """Return the first letter: `m…`."""
    return word.strip()[:1] + HIDDEN


def masked_address(address: str) -> str:
    """Return the first group of an IP address: `203.…`, `2001:…`."""
    separator = ":" if ":" in address else "."
    return address.partition(separator)[0] + separator + HIDDEN


def masked_day(day: object) -> str:
    """Return the year of a day."""
    return str(day)[:4]


def masked_json(value: object) -> object:
    """Return nothing of a JSON value of free form, whose keys may name somebody too; what is empty stays."""
    if isinstance(value, Mapping):
        return {HIDDEN: HIDDEN} if value else {}
    if isinstance(value, list | tuple):
        return [HIDDEN] if value else []
    return value if value is None or value == "" else HIDDEN


def masked_values(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by keys that the account has set up, such as custom fields: the keys alone."""
    return {key: masked_json(value) for key, value in values.items()}


def _nothing(_: object) -> None:
    return None


def _key_texts(texts: list[str]) -> list[str]:
    """Return the keys of texts `key=value`."""
    return [f"{text.partition('=')[0]}={HIDDEN}" for text in texts]


# How each field of a person is masked, by its name on the wire.
FIELDS: Mapping[str, Callable[[Any], object]] = {
    **dict.fromkeys(
        ("name", "first_name", "last_name", "fan_name", "full_name", "author_name", "winner_name"), masked_name
    ),
    **dict.fromkeys(("email", "fan_email", "winner_email"), masked_email),
    **dict.fromkeys(("phone", "add_phone", "fan_phone"), masked_phone),
    **dict.fromkeys(("recipient",), masked_contact),
    **dict.fromkeys(("ip_address",), masked_address),
    **dict.fromkeys(("birth_date",), masked_day),
    **dict.fromkeys(("display_name", "screen_name", "address", "postal_code"), masked_word),
    **dict.fromkeys(
        (
            "author_key", "barcode", "customer_key", "device_id", "identifier_value", "lookup_id", "pass_code",
            "push_token", "registration_key", "subject_key", "user_agent", "user_key",
        ),
        masked_json,
    ),
    **dict.fromkeys(("props", "metadata", "answers", "shown_values", "url_param_props"), masked_json),
    **dict.fromkeys(("field_values",), masked_values),
    **dict.fromkeys(("fields",), _key_texts),
    **dict.fromkeys(("latitude", "longitude", "image_url", "author_image_url", "author_url"), _nothing),
}  # fmt: skip


class Mask(msgspec.Struct, frozen=True):
    """Masks values if it is on, and returns them as they are if not. An empty value stays empty."""

    is_on: bool

    def _text(self, value: str | None, change: Callable[[str], str]) -> str:
        return change(value) if value and self.is_on else value or ""

    def name(self, name: str | None) -> str:
        """Return a person's name, or its initials."""
        return self._text(name, masked_name)

    def email(self, email: str | None) -> str:
        """Return an email address, or its first letters."""
        return self._text(email, masked_email)

    def phone(self, phone: str | None) -> str:
        """Return a phone number, or how it begins."""
        return self._text(phone, masked_phone)

    def contact(self, contact: str | None) -> str:
        """Return an email address or a phone number, or how it begins."""
        return self._text(contact, masked_contact)

    def word(self, word: str | None) -> str:
        """Return a word, or its first letter."""
        return self._text(word, masked_word)

    def secret(self, text: str | None) -> str:
        """Return a text, or nothing of it: texts that fans wrote, keys of other systems."""
        return self._text(text, lambda _: HIDDEN)

    def address(self, address: str | None) -> str:
        """Return an IP address, or its first group."""
        return self._text(address, masked_address)

    def day(self, day: object) -> str:
        """Return a day, or its year."""
        return self._text(str(day) if day else "", masked_day)

    def json(self, value: object) -> object:
        """Return a JSON value of free form, or nothing of it."""
        return masked_json(value) if self.is_on else value

    def values(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return values by keys of the account's, or their keys alone."""
        return masked_values(values) if self.is_on else dict(values)

    def record(self, value: T, *names: str) -> T:
        """Return a struct, a row or a list of them with every field of `FIELDS` masked, in the structs within too.

        `names` are fields of which nothing is shown.
        """
        return _masked(value, frozenset(names)) if self.is_on else value


def _masked(value: Any, names: frozenset[str]) -> Any:  # noqa: ANN401 - any answer
    if isinstance(value, msgspec.Struct):
        changes = {name: _field(name, getattr(value, name), names) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **changes)
    if isinstance(value, Mapping):
        return {name: _field(name, each, names) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_masked(each, names) for each in value)
    return value


def _field(name: str, value: Any, names: frozenset[str]) -> object:  # noqa: ANN401 - any field
    if value is None or value == "" or value is msgspec.UNSET:
        return value
    if name in names:
        return masked_json(value)
    if name not in FIELDS:
        return _masked(value, names)
    # A record in a record can have the name of a field.
    return _masked(value, names) if isinstance(value, msgspec.Struct) else FIELDS[name](value)
