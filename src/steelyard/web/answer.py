"""Answers of pages that are no pages."""

from http import HTTPStatus

from fastapi.responses import RedirectResponse


def go_to(path: str) -> RedirectResponse:
    """Send the browser to a page of ours, to be read anew: what follows every form that was carried out."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)
