"""Infrastructure that every domain uses and that knows no domain: three layers above a few modules of values.

`web` speaks HTTP, `data` reads and writes rows, `running` manages processes. Import-linter enforces the order: a module
imports from its own layer and those below. Only endpoints, the commands and `app.py` import `web`.
"""
