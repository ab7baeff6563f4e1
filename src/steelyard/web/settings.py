"""The overview of one's own settings, and how pages look."""

from collections.abc import Mapping
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from steelyard.server.permits import signed_in
from steelyard.web.entry import ProvenActor
from steelyard.web.shell import THEMES, AskedShell

REGIONS: Final = {
    "en-US": "United States",
    "en-GB": "United Kingdom",
    "en-IE": "Ireland",
    "en-CA": "Canada",
    "en-AU": "Australia",
    "en-NZ": "New Zealand",
    "en-ZA": "South Africa",
    "en-IN": "India",
    "en-SG": "Singapore",
    "de-DE": "Germany",
    "de-AT": "Austria",
    "de-CH": "Switzerland",
    "fr-FR": "France",
    "nl-NL": "Netherlands",
    "it-IT": "Italy",
    "es-ES": "Spain",
    "pt-PT": "Portugal",
    "pt-BR": "Brazil",
    "da-DK": "Denmark",
    "sv-SE": "Sweden",
    "nb-NO": "Norway",
    "fi-FI": "Finland",
    "pl-PL": "Poland",
    "ja-JP": "Japan",
    "zh-HK": "Hong Kong",
}
"""Where numbers and days are written in ways of their own; a browser's own region is taken where none is chosen."""

THEME_NAMES: Final = dict(zip(THEMES, ("As this device", "Light", "Dark"), strict=True))

router = APIRouter(dependencies=[signed_in()])


@router.get("/settings")
async def show(shell: AskedShell, actor: ProvenActor) -> Response:
    """Show what one can set."""
    del actor  # who has shown all that their role asks for
    return shell.draw("settings.html", title="Settings")


@router.get("/settings/preferences")
async def show_preferences(request: Request, shell: AskedShell, actor: ProvenActor) -> Response:
    """Show how pages look, and let that be changed."""
    del actor  # as above
    tag = shell.region.tag
    return shell.draw(
        "preferences.html",
        title="Preferences",
        is_done=request.query_params.get("done") == "kept",
        themes=THEME_NAMES,
        regions=REGIONS if tag in REGIONS else {tag: f"As this browser says ({tag})"} | REGIONS,
        zones=zone_names(),
    )


@cache
def zone_names() -> Mapping[str, str]:
    """Return the time zones of places, by name; UTC first."""
    places = sorted(name for name in available_timezones() if _is_place(name))
    return {"UTC": "UTC"} | {name: name.replace("_", " ").replace("/", " / ") for name in places}


def _is_place(name: str) -> bool:
    """Whether a zone is of a place: not of an offset, and not an old name.

    >>> [_is_place(name) for name in ("Europe/Zurich", "Etc/GMT+5", "EST")]
    [True, False, False]
    """
    return "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
