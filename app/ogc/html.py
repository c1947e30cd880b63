"""The same documents as pages; no script, and nothing from another origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.repository.features import Layer
from app.routes.paging import absolute

_TEMPLATES = Environment(
    loader=PackageLoader("app.ogc"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)

Cell = str | int | float | None | Mapping[str, str]


def page(
    request: Request,
    *,
    title: str,
    links: Sequence[Mapping[str, str]],
    description: str = "",
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[Cell]] = (),
    text: str = "",
) -> HTMLResponse:
    """Return a page: a heading, a table or a text, and the document's links."""
    body = _TEMPLATES.get_template("page.html").render(
        title=title,
        description=description,
        trail=[
            {"href": absolute(request, "/ogc", f="html"), "title": "Start"},
            {"href": absolute(request, "/ogc/collections", f="html"), "title": "Collections"},
        ],
        columns=columns,
        rows=rows,
        text=text,
        links=links,
    )
    return HTMLResponse(body)


def feature_rows(
    request: Request, layer: Layer, features: Sequence[Mapping[str, Any]]
) -> list[list[Cell]]:
    """Return one row per feature: a link to it, then its properties."""
    return [
        [
            {
                "href": absolute(
                    request, f"/ogc/collections/{layer.id}/items/{feature['id']}", f="html"
                ),
                "title": str(feature["id"]),
            },
            *("—" if value is None else value for value in feature["properties"].values()),
        ]
        for feature in features
    ]
