"""Which language a page is written in: ``?lang=``, else what the browser accepts, else Chinese."""

from __future__ import annotations

from typing import cast

from fastapi import Request

from siting.text import LANGUAGES, Language


def chosen_language(request: Request) -> Language | None:
    """Return the language of the address, None when it names none that is spoken here."""
    asked = request.query_params.get("lang", "").lower()
    return cast("Language", asked) if asked in LANGUAGES else None


def language_of(request: Request) -> Language:
    """Return the language to answer in.

    References
    ----------
    RFC 9110, section 12.5.4, Accept-Language.
    """
    chosen = chosen_language(request)
    return chosen or accepted_language(request.headers.get("accept-language", ""))


def accepted_language(header: str) -> Language:
    """Return the spoken language with the highest quality, the first of equals; else Chinese."""
    best, weight = LANGUAGES[0], 0.0
    for item in header.split(","):
        tag, _, parameters = item.partition(";")
        name = tag.strip().lower().partition("-")[0]
        quality = _quality(parameters)
        if name in LANGUAGES and quality > weight:
            best, weight = cast("Language", name), quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
