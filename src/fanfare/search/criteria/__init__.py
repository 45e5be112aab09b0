"""Criteria: what the search can ask of fans, each declared once, by subject.

A declaration is a parameter in the struct of its subject with a `Criterion` beside it: its condition, what it reads,
what `why` shows, how the audience index is asked. The structs build on each other, so that the last has all parameters.
"""

from fanfare.search.criteria.segments import SegmentCriteria


class Criteria(SegmentCriteria):
    """Which fans: all given criteria must hold. Days are days in the account's time zone."""
