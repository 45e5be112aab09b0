"""Criteria on where the fan lives: postal codes, provinces, metro areas."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated

from fanfare.kernel.folding import fold
from fanfare.kernel.wire import Texts
from fanfare.places.postal_codes import postal_key
from fanfare.places.provinces import normalized_province
from fanfare.search.criteria.criterion import Criterion, Phrase
from fanfare.search.criteria.links import folded
from fanfare.search.criteria.person import PersonCriteria
from fanfare.search.criteria.plans import HasText, HasValue
from fanfare.search.criteria.where import Condition


def province_keys(names: Iterable[str], country_code: str | None) -> list[str]:
    """Return the spellings under which provinces may be stored (as written, code, name), folded."""
    spellings = set(names)
    for country in {"US", "CA", country_code or "US"}:
        for name in names:
            with suppress(ValueError):
                spellings.add(normalized_province(country, name) or name)
    return folded(spellings)


POSTAL_CODES = Criterion[list[str]](
    condition=lambda codes, _: Condition(
        "replace(f.postal_code, ' ', '') = any({}::text[])", ([postal_key(code) for code in codes],)
    ),
    reads=("postal_code",),
    shows="to_jsonb(f.postal_code)",
    plan=lambda codes, _: HasText("postal_code", [postal_key(code) for code in codes]),
)
PROVINCES = Criterion[list[str]](
    condition=lambda names, context: Condition(
        "fold_text(f.province) = any({}::text[])", (province_keys(names, context.country_code),)
    ),
    reads=("province",),
    shows="to_jsonb(f.province)",
    plan=lambda names, context: HasValue("folded_province", [*province_keys(names, context.country_code)]),
)
METRO_AREAS = Criterion[list[str]](
    condition=lambda names, _: Condition("fold_text(f.metro_area) = any({}::text[])", (folded(names),)),
    reads=("metro_area",),
    shows="to_jsonb(f.metro_area)",
    plan=lambda names, _: HasValue("folded_metro_area", [fold(name) for name in names]),
)


class PlaceCriteria(PersonCriteria):
    """Adds the criteria on places."""

    fan_postal_codes: Annotated[
        Texts | None,
        "Lives in one of these postal codes; case and spaces are ignored",
        POSTAL_CODES,
        Phrase("live in the postal code {}"),
    ] = None
    fan_provinces: Annotated[
        Texts | None,
        "Lives in one of these provinces or states; case is ignored",
        PROVINCES,
        Phrase("live in the province {}"),
    ] = None
    fan_metro_areas: Annotated[
        Texts | None,
        "Lives in one of these metro areas; case is ignored",
        METRO_AREAS,
        Phrase("live in the metro area {}"),
    ] = None
