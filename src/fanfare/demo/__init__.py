"""An account full of people who do not exist: a football club, its women's team, a festival, a venue and a label.

Email addresses lie at the example domains and numbers in ranges kept for fiction, so nothing sent ever arrives.
"""

from fanfare.demo.filling import Filled, create_demo, fill

__all__ = ["Filled", "create_demo", "fill"]
