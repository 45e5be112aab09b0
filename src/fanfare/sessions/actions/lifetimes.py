"""How long a session lasts: so long without use, and so long in all."""

from datetime import datetime, timedelta

# A session that is used is noted so often at most.
LONGEST_STEP = timedelta(hours=1)


class Lifetimes:
    """The two ages that end a session."""

    def __init__(self) -> None:
        """Begin with the settings' own defaults."""
        self.use(30, 365)

    def use(self, idle_days: float, days: float) -> None:
        """Take the settings: the days without use, and those in all."""
        self.idle = timedelta(days=idle_days)
        self.total = timedelta(days=days)
        self.step = min(LONGEST_STEP, self.idle / 10)

    def end(self, created_at: datetime, used_at: datetime) -> datetime:
        """Return when a session ends that is not used again."""
        return min(created_at + self.total, used_at + self.idle)


# Those of this process; `use` is called as its application is made.
lifetimes = Lifetimes()
