"""The map of a plan: what it holds, that it needs nothing from outside, and inert names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from datetime import UTC, datetime
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from greedy_plan import greedy_plan
from hypothesis import given
from hypothesis import strategies as st

from siting import map_style
from siting.coverage import Coverage, build_coverage
from siting.geo import unproject
from siting.maps import demand_layers, map_html, plan_map
from siting.maps.demand_image import demand_raster
from siting.maps.files import SCRIPTS, STYLES
from siting.maps.png import palette_png
from siting.plan import Plan
from siting.report import PlanTables, plan_tables
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec

MOMENT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
SPEC = ScenarioSpec.parse(
    {
        "name": "</script><script>alert(1)</script> {{ 7*7 }} 龘",
        "stations": 3,
        "targets": [
            {"zones": ["airfield"], "standard": "quality-outdoor", "required_fraction": 0.9},
            {"kinds": ["district"], "standard": "basic-indoor", "required_fraction": 0.99},
        ],
        "objective": {"standard": "basic-indoor", "weight": "population"},
    }
)


@pytest.fixture(scope="module")
def case(littletown: PlanningData) -> tuple[Scenario, Plan, Coverage, PlanTables]:
    """Return Littletown with a plan, and a scenario name that tries to be code."""
    scenario = build_scenario(SPEC, littletown)
    coverage = build_coverage(scenario)
    plan = greedy_plan(scenario, coverage)
    return scenario, plan, coverage, plan_tables(scenario, plan, coverage)


@pytest.fixture(scope="module")
def page(case: tuple) -> str:
    """Return the offline page."""
    scenario, plan, coverage, tables = case
    layers = demand_layers(scenario, plan, coverage)
    return map_html(plan_map(tables, demand=layers, made_at=MOMENT))


def payload_of(page: str) -> dict:
    """Return the object that the page's script draws."""
    found = re.search(r"sitingMap\(\w+, (\{.*\})\);\n", page)
    assert found is not None
    return json.loads(found[1])


def test_the_page_names_no_address_that_could_be_asked(page: str) -> None:
    """No script, style, image or frame of the page comes from an address."""
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href|srcset)\s*=\s*["'](?!#|data:)[^"']*["']""", markup)
    assert set(re.findall(r"url\((?!#|data:)([^)]*)\)", page)) <= {"#default#VML"}
    hosts = set(re.findall(r"https?://([\w.-]+)", page))
    # An XML namespace, Leaflet's own name in its removed credit, and two comments of its style.
    assert hosts <= {"www.w3.org", "leafletjs.com", "bugs.chromium.org", "bugzilla.mozilla.org"}
    assert "default-src 'none'" in page
    assert "sourceMappingURL" not in page


def test_hostile_names_cannot_become_code(page: str) -> None:
    """A name cannot end the script element, and template braces in it stay as they are."""
    assert "<script>alert" not in page
    assert payload_of(page)["zones"][0]["name"] == ["小镇airfield", "Airfield"]
    assert "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} 龘" in page


def test_the_map_holds_the_whole_plan(case: tuple, page: str) -> None:
    """Every station with its place, every zone with its worst state, every district's outline."""
    _, plan, _, tables = case
    payload = payload_of(page)
    assert len(payload["stations"]["lonlat"]) == plan.stations
    np.testing.assert_allclose(
        payload["stations"]["lonlat"], tables.sites[["lon", "lat"]], atol=1e-6
    )
    assert [zone["id"] for zone in payload["zones"]] == list(dict.fromkeys(tables.zones["zone"]))
    assert len(payload["districts"]) == 2
    assert [layer["id"] for layer in payload["demand"]] == ["basic-indoor", "quality-outdoor"]
    assert all(layer["image"].startswith("data:image/png") for layer in payload["demand"])
    assert max(len(line["index"]) for line in payload["stations"]["lines"]) == plan.stations
    assert len(payload["stations"]["lines"]) <= 7  # with the name: at most eight lines


def test_the_legend_draws_what_the_map_draws(case: tuple, page: str) -> None:
    """Path, letter and count of each technology are the same in legend and map."""
    _, _, _, tables = case
    for symbol in payload_of(page)["symbols"]:
        if symbol["count"]:
            assert f'<path d="{symbol["path"]}" fill="{symbol["fill"]}"' in page
            assert f'data-layer="stations-{symbol["id"]}"' in page
    assert sum(symbol["count"] for symbol in payload_of(page)["symbols"]) == len(tables.sites)


def test_the_map_says_what_it_is(page: str) -> None:
    """Synthetic notice, date, frame and source stand on the page, in both languages."""
    for text in ("不得作为审批依据", "no basis for approval", "2026年11月22日", "EPSG:4547",
                 "made for the tests"):  # fmt: skip
        assert text in page


def test_the_same_plan_gives_the_same_bytes(case: tuple, page: str) -> None:
    """A map has no random identifiers: twice the same plan is twice the same file."""
    scenario, plan, coverage, tables = case
    layers = demand_layers(scenario, plan, coverage)
    assert map_html(plan_map(tables, demand=layers, made_at=MOMENT)) == page


def test_a_served_page_takes_its_scripts_from_the_service(case: tuple) -> None:
    """With an address for assets nothing is inlined, and every inline script has the nonce."""
    served = map_html(plan_map(case[3], assets="/static", made_at=MOMENT), nonce="n0nce")
    for name in (*SCRIPTS, *STYLES):
        assert f'"/static/{name}"' in served
    assert "<script>" not in served
    assert len(served) < 40_000


def test_vendored_files_are_what_the_checksums_say() -> None:
    """Each vendored file is the recorded one, and none is there without a record."""
    folder = files("siting.vendor")
    recorded = dict(
        reversed(line.split("  ")) for line in (folder / "checksums.txt").read_text().splitlines()
    )
    for name, checksum in recorded.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum, name
    assert {name for name in recorded if name.endswith(".js")} == {"leaflet/leaflet.js"}
    assert "leaflet/LICENSE" in recorded


def decode_png(data: bytes) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Read a four-bit palette PNG back by the standard's own words."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (4, 3)
    raw = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8)
    rows = raw.reshape(height, -1)
    assert (rows[:, 0] == 0).all()
    pixels = np.stack([rows[:, 1:] >> 4, rows[:, 1:] & 15], axis=2).reshape(height, -1)
    palette = [tuple(chunks[b"PLTE"][i : i + 3]) for i in range(0, len(chunks[b"PLTE"]), 3)]
    return pixels[:, :width], palette


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_an_image_comes_back_pixel_by_pixel(width: int, height: int, seed: int) -> None:
    """Whatever the size, the PNG decodes to the indices it was made of."""
    index = np.random.default_rng(seed).integers(0, 4, (height, width)).astype(np.uint8)
    pixels, palette = decode_png(palette_png(index, [(1, 2, 3, 0)] * 4))
    np.testing.assert_array_equal(pixels, index)
    assert palette == [(1, 2, 3)] * 4


def test_every_cell_is_shown_where_it_lies(littletown: PlanningData) -> None:
    """The pixel at a cell's centre, found by Web Mercator's own formula, shows that cell."""
    demand = littletown.demand
    raster = demand_raster(demand, "EPSG:4547")
    south, west, north, east = raster.bounds
    lon, lat = unproject(demand.xy, "EPSG:4547")

    def mercator(degrees: np.ndarray | float) -> np.ndarray:
        return np.log(np.tan(np.pi / 4 + np.radians(degrees) / 2))

    height, width = raster.point.shape
    row = (mercator(north) - mercator(lat)) / (mercator(north) - mercator(south)) * height
    col = (lon - west) / (east - west) * width
    shown = raster.point[np.floor(row).astype(int), np.floor(col).astype(int)]
    np.testing.assert_array_equal(shown, np.arange(len(demand)))


def test_served_and_unserved_differ_by_pattern_too(littletown: PlanningData) -> None:
    """Served cells are one plain colour; cells not reached are striped."""
    demand = littletown.demand
    raster = demand_raster(demand, "EPSG:4547")
    served = demand.xy[:, 0] < demand.xy[:, 0].mean()
    uri = raster.data_uri(served)
    pixels, _ = decode_png(base64.b64decode(uri.partition(",")[2]))
    inside = raster.point >= 0
    plain = pixels[inside & served[np.maximum(raster.point, 0)]]
    striped = pixels[inside & ~served[np.maximum(raster.point, 0)]]
    assert set(np.unique(plain)) == {1}
    assert set(np.unique(striped)) == {2, 3}
    assert (pixels[~inside] == 0).all()


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_symbols_stand_out_and_differ_by_shape() -> None:
    """Each station class has its own path, and at least 3:1 contrast on land, water and white."""
    symbols = [map_style.station_symbol(name, "n41") for name in ("macro", "micro", "wide_area")]
    assert len({symbol.path for symbol in symbols}) == 3
    for symbol in symbols:
        for ground in ("#FFFFFF", map_style.LAND, map_style.WATER):
            assert contrast(symbol.fill, ground) >= 3.0


def test_zone_states_stand_out_and_differ_without_colour() -> None:
    """Any two states differ in pattern or dash, all in sign; outlines have 4.5:1 on white."""
    states = {name: style for name, style in map_style.ZONE_STYLES.items() if name != "none"}
    assert len({style.sign for style in states.values()}) == len(states)
    for one, other in combinations(states.values(), 2):
        assert (one.pattern, one.dash) != (other.pattern, other.dash)
    assert all(contrast(style.stroke, "#FFFFFF") >= 4.5 for style in states.values())


def test_a_zone_with_several_targets_shows_its_worst_state() -> None:
    """One missed target is not hidden by a met one."""
    assert map_style.worst_state(["met", "missed", "near"]) == "missed"
    assert map_style.worst_state([]) == "none"
