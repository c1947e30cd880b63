"""Templates, and what every page is given: words, links, the language switch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.pages.language import chosen_language, language_of
from siting import text
from siting.map_style import ZONE_STYLES, pattern_defs, zone_svg
from siting.messages import say
from siting.text import Language

_TEMPLATES = Environment(
    loader=PackageLoader("app.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(
    count_text=text.count_text,
    time_text=text.time_text,
    zone_svg=zone_svg,
    pattern_defs=pattern_defs,
    zone_styles=ZONE_STYLES,
)


def link_maker(request: Request, language: Language | None) -> Callable[[str], str]:
    """Return a function that makes addresses of pages, keeping a language chosen by hand."""
    prefix = str(request.scope.get("root_path", ""))

    def link(path: str) -> str:
        query = f"?{urlencode({'lang': language})}" if language is not None else ""
        return f"{prefix}{path}{query}"

    return link


def page(
    request: Request,
    template: str,
    *,
    title: str,
    status_code: int = 200,
    json_twin: str = "",
    **values: Any,
) -> HTMLResponse:
    """Render a page.

    Parameters
    ----------
    template
        File name of the template.
    title
        Title of the page in its language.
    json_twin
        Path of the API that gives the same content as JSON.
    """
    language = language_of(request)
    prefix = str(request.scope.get("root_path", ""))
    body = _TEMPLATES.get_template(template).render(
        title=title,
        language=language,
        html_language="zh-CN" if language == "zh" else "en",
        say=lambda key, **given: say(key, language, **given),
        share=partial(text.share_text, language=language),
        money=partial(text.money_text, language=language),
        link=link_maker(request, chosen_language(request)),
        address=lambda path: f"{prefix}{path}",
        in_language=lambda name: f"{prefix}{request.url.path.removeprefix(prefix)}?lang={name}",
        json_twin=json_twin and f"{prefix}{json_twin}",
        **values,
    )
    response = HTMLResponse(body, status_code=status_code)
    response.headers["Content-Language"] = "zh-CN" if language == "zh" else "en"
    response.headers["Vary"] = "Accept-Language"
    response.headers["Cache-Control"] = "no-store"
    return response


def see(request: Request, path: str) -> RedirectResponse:
    """Send a browser on to a page after a form, in the language chosen by hand."""
    address = link_maker(request, chosen_language(request))(path)
    return RedirectResponse(address, status_code=303)
