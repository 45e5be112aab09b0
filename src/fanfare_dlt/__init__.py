"""A dlt source of an account: `pip install fanfare[dlt]`. It calls a server and loads none of it.

    import dlt
    from fanfare_dlt import fanfare

    pipeline = dlt.pipeline("fans", destination="duckdb", dataset_name="club")
    pipeline.run(fanfare(url="https://fans.example.com", api_secret="…"))

The first run copies all rows. Each later one reads the change feed from where the last one ended, and loads the rows
that changed; rows of erased fans lose what is personal, and rows of merged fans get the fan who stays.
"""

from fanfare_dlt.source import fanfare

__all__ = ["fanfare"]
