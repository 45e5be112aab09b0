"""Imports of fans: result or created, never from a no to a yes, with exact counts, and undone."""

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import PATH, imported, inspected, run, state_of, work_all

HEAD = b"E-Mail,First Name,Last Name,Newsletter\n"


async def fan(api: Api, email: str) -> dict[str, object]:
    """The fan with this address, by the call that returns the one that has it already."""
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"]
    result: dict[str, object] = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    return result


async def test_a_file_is_inspected_mapped_checked_and_imported(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/crm/fans", email="old@example.com", first_name="Olga"))
    content = HEAD + b"new@example.com,Nora,New,\nold@example.com,Other,Old,\nno address,X,Y,\n\nNEW@example.com,,,\n"
    result = await inspected(api, db, content)
    assert result["state"] == "ready"
    assert result["columns"] == ["E-Mail", "First Name", "Last Name", "Newsletter"]
    assert result["mapping"] == {
        "E-Mail": "email", "First Name": "first_name", "Last Name": "last_name", "Newsletter": None,
    }  # fmt: skip
    path = f"{PATH}/{result['import_uid']}"
    preview = await api.ok(await api.get(f"{path}/preview"))
    assert [row["row_number"] for row in preview["rows"]] == [2, 3, 4, 6]
    assert preview["rows"][0]["fields"] == {"email": "new@example.com", "first_name": "Nora", "last_name": "New"}
    assert preview["rows"][2]["errors"][0]["field"] == "email"
    checked = await run(api, db, result["import_uid"], dry_run=True)
    counts = {"row_count": 4, "created_count": 1, "matched_count": 2, "error_count": 1}
    assert {name: checked[name] for name in counts} == counts
    assert checked["state"] == "ready"
    assert await db.value("select count(*) from fans where account_id = $1", api.account_id) == 1
    done = await run(api, db, result["import_uid"])
    assert {name: done[name] for name in counts} == counts
    assert (done["state"], done["progress"]) == ("completed", 1.0)
    assert (await fan(api, "old@example.com"))["first_name"] == "Olga"
    assert (await fan(api, "old@example.com"))["last_name"] == "Old"
    assert (await fan(api, "new@example.com"))["fan_source"] == f"import {result['import_uid']}"
    errors = await api.get(f"{path}/errors")
    assert errors.headers["content-type"] == "text/csv"
    lines = errors.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "E-Mail,First Name,Last Name,Newsletter,import row,import error"
    assert lines[1].startswith("no address,X,Y,,4,email: ")


async def test_a_yes_of_an_import_never_overrides_a_no(api: Api, db: Db) -> None:
    opted_out, never_asked, all_out = "out@example.com", "never@example.com", "all@example.com"
    await api.ok(await api.post("/api/v1/crm/fans", email=opted_out, is_subscribed=False, phone="+16045550111"))
    await api.ok(await api.post("/api/v1/crm/fans", email=never_asked))
    await api.ok(await api.post("/api/v1/crm/fans", email=all_out, is_optout=True))
    content = HEAD + "".join(f"{each},,,yes\n" for each in (opted_out, never_asked, all_out, "x@example.com")).encode()
    for values in ({}, {"consent_wording": "Yes, mail me"}):
        done = await imported(api, db, content, mapping={"Newsletter": "is_subscribed"}, values=values)
        assert (done["row_count"], done["error_count"], done["refused_optin_count"]) == (4, 0, 2), done
        assert [(await fan(api, each))["is_subscribed"] for each in (opted_out, never_asked, all_out)] == [
            False, True, False,
        ]  # fmt: skip
        assert (await fan(api, all_out))["is_optout"] is True
    # A no of the file overrides a yes.
    await imported(api, db, HEAD + b"never@example.com,,,no\n", mapping={"Newsletter": "is_subscribed"})
    assert (await fan(api, never_asked))["is_subscribed"] is False


async def test_an_import_is_undone_but_for_what_was_used_since(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/manage/tags", tag_name="vip"))
    done = await imported(api, db, HEAD + b"u1@example.com,A,,\nu2@example.com,B,,\nu3@example.com,C,,\n")
    tagged, renamed = (await fan(api, "u2@example.com"))["fan_id"], (await fan(api, "u3@example.com"))["fan_id"]
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="vip", fan_ids=[tagged]))
    await api.ok(await api.post(f"/api/v1/crm/fans/{renamed}", first_name="Carla"))
    await api.ok(await api.post(f"{PATH}/{done['import_uid']}/undo"))
    await work_all(api, db)
    undone = await state_of(api, done["import_uid"])
    assert (undone["state"], undone["undone_count"], undone["kept_count"]) == ("undone", 1, 2)
    rows = await db.rows(
        "select email from fans where account_id = $1 and email like 'u_@example.com' order by email", api.account_id
    )
    assert [row["email"] for row in rows] == ["u2@example.com", "u3@example.com"]
