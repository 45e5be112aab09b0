"""docs/staff.md publishes the rights of roles as the code has them."""

from tests.rules.roles_file import FILE, TABLE, with_table


def test_the_table_of_rights_is_published() -> None:
    text = FILE.read_text("utf-8")
    assert TABLE.search(text)
    assert text == with_table(text), "run make roles"
