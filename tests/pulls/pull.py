"""Runs the source into a DuckDB file and prints its tables: a program of a user, with dlt and without the server."""

import json
import os
import sys
from typing import Any

import dlt

from fanfare_dlt import fanfare


def rows(client: Any, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table without what dlt adds."""
    with client.execute_query(f"select * from {table}") as cursor:
        names = [column[0] for column in cursor.description]
        return [
            {name: value for name, value in zip(names, row, strict=True) if not name.startswith("_dlt")}
            for row in cursor.fetchall()
        ]


def main() -> None:
    """Run the source once, or only the tables that ONLY names."""
    folder, url, *tables = sys.argv[1:]
    pipeline = dlt.pipeline(
        "pulls",
        pipelines_dir=folder,
        destination=dlt.destinations.duckdb(f"{folder}/copy.duckdb"),
        dataset_name="club",
    )
    source = fanfare(url=url, api_secret=os.environ["API_SECRET"])
    only = os.environ.get("ONLY")
    pipeline.run(source.with_resources(*only.split(",")) if only else source)
    server = sorted(name for name in sys.modules if name == "fanfare" or name.startswith("fanfare."))
    with pipeline.sql_client() as client:
        result = {table: rows(client, table) for table in tables}
    sys.stdout.write(json.dumps({"tables": result, "server": server}, default=str) + "\n")


main()
