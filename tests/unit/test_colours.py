"""The colours of charts are told apart, and words on tinted grounds can be read: by arithmetic, in both themes.

OKLab: Björn Ottosson, "A perceptual color space for image processing" (2020). Colour-blind eyes: Machado, Oliveira and
Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009), severity 1.
"""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

Colour = NDArray[np.float64]

THEME = (files("steelyard.charts") / "theme.css").read_text("utf-8")
STYLE = files("steelyard.web") / "static" / "style"
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
EYES = {
    "normal": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
THEMES = pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])


def tokens(theme: int) -> dict[str, str]:
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", THEME)
    return {name: (light, dark)[theme] for name, light, dark in found}


def linear(colour: str) -> Colour:
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(light: Colour) -> Colour:
    lab: Colour = TO_LAB @ np.cbrt(TO_CONES @ np.clip(light, 0, 1))
    return lab


def from_oklab(lab: Colour) -> Colour:
    light: Colour = np.linalg.solve(TO_CONES, np.linalg.solve(TO_LAB, lab) ** 3)
    return np.clip(light, 0, 1)


def luminance(light: Colour) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ light)


def contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: str, ground: str, percent: int) -> Colour:
    """What `color-mix(in oklab, colour percent, ground)` gives."""
    part = percent / 100
    return from_oklab(part * oklab(linear(colour)) + (1 - part) * oklab(linear(ground)))


def test_white_and_red_are_where_the_standard_puts_them() -> None:
    assert oklab(linear("#ffffff")) == pytest.approx([1, 0, 0], abs=1e-4)
    assert oklab(linear("#ff0000")) == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-4)
    assert from_oklab(oklab(linear("#4338ca"))) == pytest.approx(linear("#4338ca"), abs=1e-9)


@THEMES
@pytest.mark.parametrize("eye", EYES)
def test_no_two_series_look_alike(eye: str, theme: int) -> None:
    found = tokens(theme)
    seen = [oklab(EYES[eye] @ linear(found[f"series-{place}"])) for place in range(1, 7)]

    nearest = min(100 * float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))

    assert round(nearest, 1) >= 14.5


@THEMES
@pytest.mark.parametrize("name", ["warn", "neg", "pos"])
def test_what_a_pill_says_can_be_read_on_its_tint(name: str, theme: int) -> None:
    found = tokens(theme)

    assert contrast(linear(found[name]), mixed(found[name], found["surface"], 14)) >= 4.5


@THEMES
def test_the_page_one_is_on_and_the_letters_of_who_looks_can_be_read(theme: int) -> None:
    found = tokens(theme)

    for percent in (12, 14):
        assert contrast(linear(found["accent"]), mixed(found["accent"], found["surface"], percent)) >= 4.5


@THEMES
def test_what_a_filled_button_says_can_be_read(theme: int) -> None:
    found, words = tokens(theme), linear(("#ffffff", "#0c0e13")[theme])

    for ground in ("accent", "neg"):
        assert contrast(words, linear(found[ground])) >= 4.5


@THEMES
def test_the_edge_of_a_field_can_be_seen(theme: int) -> None:
    found = tokens(theme)

    assert contrast(linear(found["edge"]), linear(found["surface"])) >= 3


def test_the_tints_are_those_that_are_tested() -> None:
    tints = {
        int(percent)
        for sheet in ("10-parts.css", "20-shell.css")
        for percent in re.findall(
            r"color-mix\(in oklab, var\(--\w+\) (\d+)%, var\(--surface\)\)",
            (STYLE / sheet).read_text("utf-8"),
        )
    }

    assert tints <= {12, 14}
