"""Pictures of QR codes, read point by point: in an SVG as a browser draws it, and in a PNG."""

import io
import re

import pytest
from PIL import Image

from fanfare.kernel.pictures import QUIET_ZONE, SCALE, qr_png, qr_svg

TEXTS = ["ABC234", "https://fans.example.com/trk/" + "k9" * 32, "https://" + "a" * 60 + ".example/?q=%C3%A9&x=<>"]
# One of the three corners by which readers find a code.
CORNER = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]


def points_of_png(content: bytes) -> list[str]:
    """Return the modules of a picture as rows of 0 and 1, with the quiet zone."""
    image = Image.open(io.BytesIO(content)).convert("L")
    count = image.width // SCALE
    middle = SCALE // 2
    return [
        "".join("1" if image.getpixel((SCALE * x + middle, SCALE * y + middle)) == 0 else "0" for x in range(count))
        for y in range(count)
    ]


def points_of_svg(text: str) -> list[str]:
    """Return the same of an SVG, whose path has lines of one module's height."""
    (size,) = re.findall(r'viewBox="0 0 (\d+) \1"', text)
    count = int(size) // SCALE
    rows = [["0"] * count for _ in range(count)]
    (path,) = re.findall(r'stroke="#000" d="([^"]+)"', text)
    x, y = 0.0, 0.0
    for letter, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        places = [float(each) for each in re.findall(r"-?[\d.]+", numbers)]
        if letter == "h":
            for column in range(int(x), int(x + places[0])):
                rows[int(y)][column] = "1"
            x += places[0]
        else:
            x, y = (places[0], places[1]) if letter == "M" else (x + places[0], y + places[1])
    return ["".join(row) for row in rows]


@pytest.mark.parametrize("text", TEXTS)
def test_a_code_has_the_same_points_in_both_forms(text: str) -> None:
    svg = qr_svg(text).content.decode()
    points = points_of_png(qr_png(text).content)
    assert points_of_svg(svg) == points
    assert [row[QUIET_ZONE : QUIET_ZONE + 7] for row in points[QUIET_ZONE : QUIET_ZONE + 7]] == CORNER
    edge = "0" * len(points)
    assert points[:QUIET_ZONE] == points[-QUIET_ZONE:] == [edge] * QUIET_ZONE


def test_an_svg_can_be_shown_at_any_size_and_on_a_dark_page() -> None:
    svg = qr_svg("ABC234").content.decode()
    assert 'width="290px" height="290px" viewBox="0 0 290 290"' in svg, "without a viewBox it is cut off"
    assert '<path fill="#fff" d="M0 0h29v29h-29z"/>' in svg, "dark points on a dark page are no code"
