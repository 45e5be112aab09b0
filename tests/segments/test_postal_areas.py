"""Statistics of a filter by postal area, with census figures."""

from fanfare.kernel.data.db import Db
from tests.api import Api

FANS, STATS = "/api/v1/crm/fans", "/api/v1/manage/filters/stats"


async def test_areas_have_census_figures_and_the_largest_come_first(api: Api, db: Db) -> None:
    await db.execute(
        """
        insert into places_census (country_code, postal_code, census_year, population, median_household_income)
        values ('US', '98101', 2023, 14000, 91000), ('US', '10001', 2023, 27000, 106000)
        """
    )
    codes: list[tuple[str | None, str | None]] = [
        ("US", "98101-1234"),
        ("US", "98101"),
        ("US", "98101-9999"),
        ("CA", "V6B 1A1"),
        ("CA", "V6B 2B2"),
    ]
    codes += [("GB", "LS1 4AP"), ("DE", "10001"), ("US", None), (None, None)]
    for number, (country_code, postal_code) in enumerate(codes):
        place = {"country_code": country_code, "postal_code": postal_code}
        values = {name: value for name, value in place.items() if value}
        await api.ok(await api.post(FANS, email=f"area{number}@example.com", fan_source="areas", **values))
    answer = (await api.ok(await api.get(STATS, fan_source="areas")))["postal_demographics"]
    assert [(each["country_code"], each["postal_code"], each["fan_count"]) for each in answer] == [
        ("US", "98101", 3),
        ("CA", "V6B", 2),
        ("DE", "10001", 1),
        ("GB", "LS1", 1),
    ]
    assert [each["census"] is None for each in answer] == [False, True, True, True]
    census = answer[0]["census"]
    assert (census["census_year"], census["population"], census["median_household_income"]) == (2023, 14000, 91000)
    assert {"country_code", "postal_code"} & census.keys() == set()
    assert (await api.ok(await api.get(STATS, fan_source="nobody")))["postal_demographics"] == []
