"""An import of an account, for the rules over all calls."""

from typing import Any


async def made_imports(post: Any, got: Any) -> dict[str, Any]:
    """Create an import whose file is to come; return its ids."""
    uid = (await post("manage/imports", kind="fans"))["import_uid"]
    return {"import_uid": uid, "import_id": (await got(f"manage/imports/{uid}"))["import_id"]}
