"""Shapes of the reasons why a fan is in a segment or not."""

import msgspec


class Reason(msgspec.Struct):
    """A criterion with its sentence and the value of the fan, or a group with its relation and its parts.

    The relation is "all", "any" or "none"; empty for a criterion.
    """

    is_met: bool
    sentence: str = ""
    value: object = None
    relation: str = ""
    parts: list["Reason"] = []
