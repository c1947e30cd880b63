"""The browser files of maps: own scripts and vendored ones, by address or inlined."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from importlib.resources import files

#: Name in the page -> package and path of the file.
SCRIPTS = {
    "vendor/leaflet/leaflet.js": ("siting.vendor", "leaflet/leaflet.js"),
    "map/siting_tiles.js": ("siting.maps", "assets/siting_tiles.js"),
    "map/siting_map.js": ("siting.maps", "assets/siting_map.js"),
}
STYLES = {
    "vendor/leaflet/leaflet.css": ("siting.vendor", "leaflet/leaflet.css"),
    "map/siting_map.css": ("siting.maps", "assets/siting_map.css"),
}

_URL = re.compile(r"url\((images/[\w.-]+)\)")


@lru_cache
def script_text(name: str) -> str:
    """Return a script's text, safe inside ``<script>``."""
    package, path = SCRIPTS[name]
    return (files(package) / path).read_text("utf-8").replace("</script", "<\\/script")


@lru_cache
def style_text(name: str) -> str:
    """Return a style sheet's text with its images as data URIs; unshipped ones become none."""
    package, path = STYLES[name]
    folder = files(package) / path.rpartition("/")[0]

    def inline(match: re.Match[str]) -> str:
        image = folder / match[1]
        if not image.is_file():
            return "none"
        return f"url(data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()})"

    return _URL.sub(inline, (files(package) / path).read_text("utf-8"))
