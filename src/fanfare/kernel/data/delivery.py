"""What an action or a query asks to be done when its answer has gone out (kernel/web/delivery does it)."""

from collections.abc import Awaitable, Callable

from fanfare.kernel.data.db import Db

Work = Callable[[Db], Awaitable[object]]


class Delivery:
    """Of one answer: whether it has a body at all, which a HEAD has not, and what is done when that has gone out."""

    __slots__ = ("db", "has_body", "work")

    def __init__(self, db: Db, *, has_body: bool) -> None:
        """Take the database, and whether a body is sent."""
        self.db = db
        self.has_body = has_body
        self.work: Work | None = None

    def then(self, work: Work) -> None:
        """Do this, with the handle of a transaction, when the answer has gone out; never for a HEAD."""
        if self.has_body:
            self.work = work
