"""The criteria of the search, each declared once, in the file of its subject.

A criterion is a parameter in the struct of its subject, with a `Criterion` in its annotation: its SQL condition, the
facts that it reads, the value that `why` shows, its plan for the audience index. Each struct extends the one before, so
the last has all parameters.
"""

from fanfare.search.criteria.groups import GroupCriteria


class Criteria(GroupCriteria):
    """Which fans: all given criteria must hold. Days are days in the account's time zone."""
