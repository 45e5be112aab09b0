"""Topics of what an account sets up of itself."""

from fanfare.kernel.data.announcements import Fields, Topic

ACCOUNT_UPDATED = Topic(
    "account.updated", "Time zone, currency, country or a time of keeping things changed.", "account_id", data=Fields
)
