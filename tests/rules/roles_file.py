"""`make roles`: writes the table of rights in docs/staff.md from the roles of staff."""

import re
import sys

from fanfare.staff.schemas.roles import table_text
from tests.rules.project import ROOT

FILE = ROOT / "docs" / "staff.md"
TABLE = re.compile(r"(<!-- roles: [^\n]*-->\n).*?(<!-- end of roles -->)", re.DOTALL)


def with_table(text: str) -> str:
    """Return the page with the present table."""
    return TABLE.sub(lambda match: f"{match[1]}{table_text()}\n{match[2]}", text)


def main() -> None:
    """Write the file."""
    FILE.write_text(with_table(FILE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{FILE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
