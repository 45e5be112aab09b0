"""Normalises postal addresses."""

from collections.abc import Callable

import msgspec

from fanfare.places.countries import country_code
from fanfare.places.postal_codes import normalized_postal_code
from fanfare.places.provinces import country_of_province, normalized_province
from fanfare.places.spelling import tidy


class Address(msgspec.Struct, frozen=True):
    """A normalised postal address; None for unknown parts."""

    country_code: str | None = None
    province: str | None = None
    city: str | None = None
    postal_code: str | None = None


class WrongAddressError(ValueError):
    """Parts of an address are invalid; `errors` has them as (name, message)."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))


def complete_address(
    country: str | None = None, province: str | None = None, city: str | None = None, postal_code: str | None = None
) -> Address:
    """Return the normalised address; a missing country is derived from the province if that is unambiguous.

    Raises WrongAddressError with every invalid part: `country_code`, `province`, `city` or `postal_code`.
    """
    errors: list[tuple[str, str]] = []

    def part(field: str, read: Callable[..., str | None], *value: str | None) -> str | None:
        try:
            return read(*value)
        except ValueError as error:
            errors.append((field, str(error)))
            return None

    code = part("country_code", country_code, country)
    if code is None and province and not errors:
        code = country_of_province(province)
    address = Address(
        country_code=code,
        province=part("province", normalized_province, code, province),
        city=part("city", tidy, city),
        postal_code=part("postal_code", normalized_postal_code, code, postal_code),
    )
    if errors:
        raise WrongAddressError(errors)
    return address
