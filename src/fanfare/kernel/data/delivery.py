"""Work to run when the answer of a request has been sent (kernel/web/delivery runs it)."""

from collections.abc import Awaitable, Callable

from fanfare.kernel.data.db import Db

Work = Callable[[Db], Awaitable[object]]


class Delivery:
    """The delivery of one answer: whether it has a body (a HEAD has none), and the work to run after it was sent."""

    __slots__ = ("db", "has_body", "work")

    def __init__(self, db: Db, *, has_body: bool) -> None:
        self.db = db
        self.has_body = has_body
        self.work: Work | None = None

    def then(self, work: Work) -> None:
        """Run this work in a transaction when the answer has been sent; never for a HEAD."""
        if self.has_body:
            self.work = work
