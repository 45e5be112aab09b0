"""SQL for whether a fan may be sent marketing messages: what the page of preferences shows as ticked."""

WELCOME = """
    welcome_fan as materialized (
        select f.fan_id from fans f
        where f.account_id = $1 and f.fan_id = {fan}
          and case {channel} when 'email' then f.is_subscribed else f.is_phone_subscribed end
        {locks[0]}
    ),
    welcome_business as materialized (
        select b.business_id from welcome_fan w
        join fan_businesses b on b.account_id = $1 and b.fan_id = w.fan_id and b.business_id = {business}
        where b.is_opted_in
        {locks[1]}
    )
"""
IS_WELCOME = "(exists (select from welcome_fan) and ({business} is null or exists (select from welcome_business)))"


def welcome_ctes(*, fan: str, channel: str, business: str, is_locked: bool) -> str:
    """Return the CTEs that `IS_WELCOME` reads; the arguments are SQL: fan_id, channel (`email` or `sms`), business_id.

    With `is_locked` the statement waits for a consent that another transaction is writing, and decides by it.
    """
    locks = ("for share of f", "for share of b") if is_locked else ("", "")
    return WELCOME.format(fan=fan, channel=channel, business=business, locks=locks)
