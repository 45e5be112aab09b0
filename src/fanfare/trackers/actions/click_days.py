"""Keeps the clicks of a tracker and day, with a counter for each verdict."""

from fanfare.trackers.verdicts.rules import COUNT_COLUMNS


def count_clicks(rows: str, verdict: str, step: str) -> str:
    """Return the statement that adds `step` to the counter of each row's verdict; the account is $1.

    `rows` is a table with tracker_id and figure_date, `verdict` and `step` are expressions over it.
    """
    sums = ", ".join(f"coalesce(sum({step}) filter (where {verdict} = '{each}'), 0)" for each in COUNT_COLUMNS)
    additions = ", ".join(f"{column} = d.{column} + excluded.{column}" for column in COUNT_COLUMNS.values())
    return f"""
        insert into tracker_click_days as d (account_id, tracker_id, figure_date, {", ".join(COUNT_COLUMNS.values())})
        select $1, tracker_id, figure_date, {sums} from {rows}
        group by tracker_id, figure_date
        order by tracker_id, figure_date
        on conflict (account_id, tracker_id, figure_date) do update set {additions}
    """  # noqa: S608 - fixed parts
