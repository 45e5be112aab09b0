"""A form that was refused is filled with what was sent, whatever its controls are."""

from fanfare.kernel.pages.filling import Submission, fill

PAGE = """
<main>
<p>Note: <code data-field="size">size</code>: is wrong; <code data-field="else">else</code>: no.</p>
<form method="post" action="/a"><input type="hidden" name="row" value="1"><input name="size" value="7"></form>
<details class="reveal"><summary>More</summary><details open><summary>Most</summary>
<form method="post" action="/a" id="second"><input type="hidden" name="row" value="2">
<label for="size">Size &amp; <b>shape</b></label><input id="size" name="size" value="8" aria-describedby="help">
<select name="kind"><option>plain<option value="x" selected>X</option></select>
<label class="check"><input type="checkbox" name="box" value="a" checked> A</label>
<label class="check"><input type="checkbox" name="box" value="b"> B</label>
<input type="radio" name="one" value="1"><input type="radio" name="one" value="2" checked>
<textarea name="text">before</textarea>
<input type="password" name="pass"><input name="api_token" value="before"><input type="file" name="upload">
<input name="line" value="1"><input name="line" value="2"><input name="few" value="1"><input name="few" value="2">
<input name="absent" value="stays">
</form></details></details>
<input form="second" name="outside" value="">
<form method="get" action="/a"><input name="size" value="9"></form>
</main>
"""
ENTRIES = {
    "row": ["2"], "size": ['"><script>'], "kind": ["plain"], "box": ["b"], "one": ["1"], "text": ["</textarea>\n two"],
    "pass": ["secret"], "api_token": ["secret"], "line": ["3", "4"], "few": ["5"], "outside": ["here"],
}  # fmt: skip


def fault(element_id: str, message: str) -> str:
    return f'<p id="{element_id}">{message}</p>'


def filled(path: str = "/a", **faults: str) -> str:
    return fill(PAGE, Submission(path, ENTRIES, faults), fault)


def test_each_control_shows_what_was_sent() -> None:
    text = filled(size="is wrong", box="is odd")
    mark = 'aria-invalid="true" aria-describedby="sent-size-fault"'
    assert f'<input id="size" name="size" {mark} value="&quot;&gt;&lt;script&gt;">' in text
    assert '<p id="sent-size-fault">is wrong</p>' in text
    assert '<option selected>plain<option value="x">X' in text
    mark = mark.replace("size", "box")
    assert f'<input type="checkbox" name="box" value="a" {mark}> A</label><p id' in text
    assert '<input type="checkbox" name="box" value="b" checked>' in text
    assert '<input type="radio" name="one" value="1" checked><input type="radio" name="one" value="2">' in text
    assert '<textarea name="text">\n&lt;/textarea&gt;\n two</textarea>' in text
    assert '<input name="line" value="3"><input name="line" value="4">' in text
    assert '<input form="second" name="outside" value="here">' in text


def test_what_is_secret_or_unsure_stays() -> None:
    text = filled()
    assert "secret" not in text.replace("before", "")
    assert '<input name="few" value="1"><input name="few" value="2">' in text
    assert '<input name="absent" value="stays">' in text


def test_other_forms_stay() -> None:
    text = filled()
    assert '<input type="hidden" name="row" value="1"><input name="size" value="7">' in text
    assert '<input name="size" value="9">' in text
    assert fill(PAGE, Submission("/b", ENTRIES, {}), fault) == PAGE


def test_the_parts_around_it_are_open() -> None:
    assert filled().count("<details") == filled().count(" open>") == 2


def test_the_note_names_fields_by_their_labels() -> None:
    text = filled()
    assert '<a href="#size">Size &amp; shape</a>: is wrong; <code data-field="else">else</code>: no.' in text
