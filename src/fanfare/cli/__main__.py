"""`python -m fanfare.cli` is the same as the command `fanfare`."""

from fanfare.cli import main

main()
