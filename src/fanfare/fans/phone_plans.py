"""Numbering plans of countries: recognises the phone numbers that are written without doubt, in a tenth of the time.

The library reads each number by some fifty patterns. Here those of a country are one pattern. It accepts only numbers
from which the library would strip nothing and that it finds valid; a test compares both. All others are the library's.
"""

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

from fanfare.kernel.wire import whole_number

# Digits, and what may be between them.
WRITTEN = re.compile(r"[+(]?[0-9][0-9 .()-]*", re.ASCII)
SEPARATORS = str.maketrans("", "", " -.()")
# A country code and its number, at most as long as E.164 allows.
INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
LONGEST_CODE = 3
# The maximum of E.164; some countries have longer numbers, which gateways abroad reject.
LONGEST_E164 = 15
# The kinds of numbers that are valid, by their names in the tables of the library.
KINDS = (
    "fixed_line", "mobile", "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip
NEVER = re.compile(r"(?!)")


class HomePlan(NamedTuple):
    """How numbers of a region are written there.

    `stripped` is what precedes them, or is replaced (`is_rewritten`); `abroad` is what numbers of others begin with.
    """

    code: str
    possible: re.Pattern[str]
    stripped: re.Pattern[str]
    is_rewritten: bool
    abroad: re.Pattern[str]


def plain_number(number: str, region: str | None) -> str | None:
    """Return a number of digits and separators in E.164, None if only the library can tell.

    `region` is the two-letter country of a number without a country code.
    """
    return _plain_number(number, None if number.startswith("+") else region)


# A number is read with its parameters, and again with its fan: the second time is free.
@lru_cache(maxsize=64)
def _plain_number(number: str, region: str | None) -> str | None:
    # The digit behind the point of a float is none of the number.
    if WRITTEN.fullmatch(number) is None or whole_number(number) != number:
        return None
    digits = number.translate(SEPARATORS)
    if digits.startswith("+"):
        return digits if INTERNATIONAL.fullmatch(digits) and _is_international(digits) else None
    if region is None:
        return None
    home = _home_plan(region)
    if home is None or home.abroad.match(digits):
        return None
    prefix = home.stripped.match(digits)
    if prefix and (home.is_rewritten or digits.startswith(home.code)):
        return None
    digits = digits[prefix.end() :] if prefix else digits
    is_valid = home.possible.fullmatch(digits) and _is_valid(home.code, digits)
    return f"+{home.code}{digits}" if is_valid and len(home.code) + len(digits) <= LONGEST_E164 else None


def _is_international(digits: str) -> bool:
    for length in range(1, LONGEST_CODE + 1):
        code = digits[1 : 1 + length]
        if (plan := _plan(code)) is not None:
            national = digits[1 + length :]
            return not plan.match(national) and _is_valid(code, national)
    return False


def _is_valid(code: str, national: str) -> bool:
    """Return whether a number is valid in the first region of a country code that it belongs to."""
    for leading, pattern in _regions(code):
        if leading is None or leading.match(national):
            is_valid = pattern.fullmatch(national) is not None
            if is_valid or leading is not None:
                return is_valid
    return False


def _metadata(code: str, region: str) -> Any:  # noqa: ANN401 - the library has no types
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 - the docstring of `contact` says why

    return PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)


@cache
def _plan(code: str) -> re.Pattern[str] | None:
    """Return the pattern of what is stripped from numbers behind a country code, None if there is no such code."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415 - as above

    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if code else None
    return _stripped(_metadata(code, regions[0])) if regions else None


def _stripped(metadata: Any) -> re.Pattern[str]:  # noqa: ANN401 - the library's
    prefix = metadata.national_prefix_for_parsing
    return re.compile(prefix) if prefix else NEVER


@cache
def _regions(code: str) -> list[tuple[re.Pattern[str] | None, re.Pattern[str]]]:
    """Return the pattern of valid numbers of each region of a country code, and how they begin, where that decides."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415 - as above

    regions = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    plans = [_metadata(code, region) for region in regions]
    is_shared = len(regions) > 1
    return [
        (re.compile(plan.leading_digits) if is_shared and plan.leading_digits else None, _valid(plan))
        for plan in plans
        if plan is not None
    ]


def _valid(metadata: Any) -> re.Pattern[str]:  # noqa: ANN401 - the library's
    kinds = [part for name in KINDS if (part := _kind(getattr(metadata, name)))]
    return re.compile(f"(?={_kind(metadata.general_desc) or '(?!)'}\\Z)(?:{'|'.join(kinds) or '(?!)'})")


def _kind(description: Any) -> str | None:  # noqa: ANN401 - the library's
    """Return the pattern of a kind of numbers with their lengths, None if a region has none."""
    if description is None or not description.national_number_pattern:
        return None
    lengths = "|".join(f"[0-9]{{{length}}}" for length in description.possible_length if length > 0)
    length = rf"(?=(?:{lengths})\Z)" if lengths else ""
    return f"(?:{length}(?:{description.national_number_pattern}))"


@cache
def _home_plan(region: str) -> HomePlan | None:
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 - as above

    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None:
        return None
    return HomePlan(
        code=str(metadata.country_code),
        possible=re.compile(_kind(metadata.general_desc) or "(?!)"),
        stripped=_stripped(metadata),
        is_rewritten=bool(metadata.national_prefix_transform_rule),
        abroad=re.compile(metadata.international_prefix or "(?!)"),
    )
