"""Validation of display names, and alternatives to names that are taken."""

from fanfare.fans.display_names.acceptance import LONGEST, NameRules, accepted_name, has_refused_word
from fanfare.fans.display_names.alternatives import alternatives

__all__ = ["LONGEST", "NameRules", "accepted_name", "alternatives", "has_refused_word"]
