"""A demo account with sample fans: a football club, its women's team, a festival, a venue and a label.

Email addresses use example domains and phone numbers are from ranges for fiction, so no message ever arrives.
"""

import fanfare.app  # noqa: F401 - domains hand functions down, which activities and quests use
from fanfare.demo.filling import Filled, create_demo, fill

__all__ = ["Filled", "create_demo", "fill"]
