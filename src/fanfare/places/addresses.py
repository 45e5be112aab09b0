"""Makes an address whole: what its parts mean in their country."""

from collections.abc import Callable

import msgspec

from fanfare.places.countries import country_code
from fanfare.places.postal_codes import postal_code_kept
from fanfare.places.provinces import country_of_province, province_kept
from fanfare.places.spelling import tidy


class Address(msgspec.Struct, frozen=True):
    """The parts of an address as they are stored; None for what is not known."""

    country_code: str | None = None
    province: str | None = None
    city: str | None = None
    postal_code: str | None = None


class WrongAddressError(ValueError):
    """Some parts of an address are wrong; `errors` names each with its message, as a 422 does"""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        """Take the wrong parts under the names of the fields."""
        self.errors = errors
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))


def complete_address(
    country: str | None = None, province: str | None = None, city: str | None = None, postal_code: str | None = None
) -> Address:
    """Return the address in its stored form, with the country filled in where the province tells it.

    Raises WrongAddressError with every wrong part under `country_code`, `province`, `city` or `postal_code`.
    """
    errors: list[tuple[str, str]] = []

    def part(field: str, read: Callable[..., str | None], *value: str | None) -> str | None:
        try:
            return read(*value)
        except ValueError as wrong:
            errors.append((field, str(wrong)))
            return None

    code = part("country_code", country_code, country)
    if code is None and province and not errors:
        code = country_of_province(province)
    address = Address(
        country_code=code,
        province=part("province", province_kept, code, province),
        city=part("city", tidy, city),
        postal_code=part("postal_code", postal_code_kept, code, postal_code),
    )
    if errors:
        raise WrongAddressError(errors)
    return address
