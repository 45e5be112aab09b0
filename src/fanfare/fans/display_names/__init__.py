"""Whether a display name may be shown: what it may hold, which words it may not, and what to offer when it is taken."""

from fanfare.fans.display_names.acceptance import LONGEST, NameRules, accepted_name
from fanfare.fans.display_names.alternatives import alternatives

__all__ = ["LONGEST", "NameRules", "accepted_name", "alternatives"]
