"""`python -m fanfare.cli`: the same as the command `fanfare`."""

from fanfare.cli import main

main()
