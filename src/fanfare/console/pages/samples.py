"""What /manage/components shows: made-up values for every drawing."""

from datetime import UTC, datetime
from decimal import Decimal

from fanfare.kernel.pages.charts import Point, Series, Tick, bar_chart, line_chart
from fanfare.kernel.pages.maps import Place, place_map
from fanfare.kernel.pages.trends import spark_line, trend_chart

DAYS = ("3 Jul", "4 Jul", "5 Jul", "6 Jul", "7 Jul", "8 Jul", "9 Jul")
ENTRIES, EXITS = (12, 18, 9, 22, 31, 17, 26), (3, 5, 8, 2, 4, 9, 6)
SIZES = (4010, 4023, 4024, 4044, 4071, 4079, 4099)
TOWNS = (
    ("Vancouver", 49.2827, -123.1207, 612), ("Burnaby", 49.2488, -122.9805, 210), ("Surrey", 49.1913, -122.8490, 164),
    ("Victoria", 48.4284, -123.3656, 98), ("Nanaimo", 49.1659, -123.9401, 41), ("Seattle", 47.6062, -122.3321, 37),
)  # fmt: skip


def samples() -> dict[str, object]:
    """Return a value for each drawing."""
    towns = [Place(name, latitude, longitude, fans, f"{name}: {fans}") for name, latitude, longitude, fans in TOWNS]
    bars = [Point(day, value, f"{day}: {value}") for day, value in zip(DAYS, ENTRIES, strict=True)]
    sizes = [Point(day, value, f"{day}: {value:,}") for day, value in zip(DAYS, SIZES, strict=True)]
    derby = [(float(number), float(sum(ENTRIES[: number + 1]))) for number in range(len(DAYS))]
    last_derby = [(place, value * 0.8) for place, value in derby]
    return {
        "bars": bar_chart(bars, lower=EXITS),
        "lines": line_chart(
            [Series("Derby", derby), Series("Derby of last year", last_derby, is_compared=True)],
            [(place, f"day {place:g}: {value:g}") for place, value in derby],
            [Tick(0, "on sale"), Tick(6, "match day")],
        ),
        "trend": trend_chart(sizes),
        "spark": spark_line(SIZES),
        "map": place_map(towns, towns),
        "moment": datetime(2026, 7, 3, 20, 30, tzinfo=UTC),
        "sums": {"CAD": Decimal(1250), "USD": Decimal(80)},
    }
