"""What every domain stands on and what knows no fan. Three floors on a few modules of values.

`web` speaks HTTP, `data` keeps and reads rows, `running` is about processes. Import-linter holds the order: a module
imports from its own floor and those below. Only endpoints, the commands and `app.py` import `web`.
"""
