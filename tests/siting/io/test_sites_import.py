"""Candidate sites from outside, as values: taken whole or refused whole."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from siting.errors import InputError
from siting.geo import wgs84_to_gcj02
from siting.io.sites_import import KNOWN_PROPERTIES, ImportArea, read_sites

#: Two districts side by side, a lake in the western one.
AREA = ImportArea(
    districts=gpd.GeoDataFrame(
        {"id": ["west", "east"]},
        geometry=[box(114.0, 30.0, 114.5, 30.5), box(114.5, 30.0, 115.0, 30.5)],
        crs="EPSG:4326",
    ),
    water=box(114.1, 30.1, 114.2, 30.2),
    known_ids=frozenset({"taken"}),
)


def site(number: int, lon: float, lat: float, **changes: Any) -> dict[str, Any]:
    """Return a good feature, then changed."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            "id": f"s{number}",
            "kind": "tower",
            "height_m": 30,
            "fixed_cost_cny": 5,
            "provenance": "real",
            "source": "a test",
            **changes,
        },
    }


def read(*features: dict[str, Any], crs: str | None = "OGC:CRS84") -> Any:
    """Read features as a collection."""
    return read_sites({"type": "FeatureCollection", "features": list(features)}, AREA, crs=crs)


def faults(*features: dict[str, Any], crs: str | None = "OGC:CRS84") -> list[str]:
    """Return what is wrong with features."""
    with pytest.raises(InputError) as caught:
        read(*features, crs=crs)
    return [problem.what for problem in caught.value.problems]


def test_good_sites_keep_their_values() -> None:
    """Values come back as given, defaults are filled in, and each site gets its district."""
    frame = read(site(1, 114.3, 30.3), site(2, 114.7, 30.3, accuracy_m=5, owner="铁塔")).frame
    assert frame["district"].tolist() == ["west", "east"]
    assert frame["owner"].tolist() == ["", "铁塔"]
    assert frame["existing"].tolist() == [False, False]
    assert np.isnan(frame["accuracy_m"].iloc[0])
    assert frame["accuracy_m"].iloc[1] == 5
    assert set(frame.columns) == {*KNOWN_PROPERTIES, "geometry", "district"}


@given(
    lon=st.floats(113.0, 116.0, allow_nan=False),
    lat=st.floats(29.0, 31.0, allow_nan=False),
)
def test_a_site_is_taken_exactly_on_land(lon: float, lat: float) -> None:
    """A position is accepted when and only when it lies in a district and not in water."""
    inside = 114.0 <= lon <= 115.0 and 30.0 <= lat <= 30.5
    wet = 114.1 < lon < 114.2 and 30.1 < lat < 30.2
    if inside and not wet:
        assert len(read(site(1, lon, lat)).frame) == 1
    else:
        assert len(faults(site(1, lon, lat))) == 1


def test_one_fault_refuses_all() -> None:
    """Ninety-nine good sites do not carry one bad one through."""
    good = [site(number, 114.3, 30.3) for number in range(99)]
    assert faults(*good, site(99, 114.15, 30.15)) == ["(114.15, 30.15) lies in water"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"fixed_cost_cny": -1}, "is -1, not 0 to 1000000000"),
        ({"fixed_cost_cny": True}, "is 'True', no whole number of CNY"),
        ({"fixed_cost_cny": 10**30}, f"is {10**30}, not 0 to 1000000000"),
        ({"height_m": "30"}, "is '30', no number"),
        ({"height_m": float("nan")}, "is nan, not over 0 and up to 500"),
        ({"height_m": 501}, "is 501, not over 0 and up to 500"),
        ({"kind": "boat"}, "is 'boat'"),
        ({"provenance": "guess"}, "is 'guess'"),
        ({"source": "  "}, "has 2 characters"),
        ({"owner": "a\u0000b"}, "has a control character"),
        ({"owner": "x" * 501}, "has 501 characters"),
        ({"id": "taken"}, "'taken' is stored already"),
        ({"id": 5}, "is '5', no text"),
        ({"accuracy_m": 0}, "is 0, not over 0 and up to 1e+06"),
        ({"hight_m": 5}, "unknown property"),
    ],
)
def test_wrong_properties_are_named(changes: dict[str, Any], what: str) -> None:
    """Each property out of its range is named with the value."""
    assert faults(site(1, 114.3, 30.3, **changes)) == [what]


def test_gcj02_is_suspected_only_of_several() -> None:
    """Many sites that the offset explains raise the suspicion, one or two near a shore do not."""
    lat = np.linspace(30.05, 30.45, 20)
    # Sites just inside the eastern border; the offset moves them out of it.
    east = np.column_stack(wgs84_to_gcj02(np.full(20, 114.9975), lat))
    suspects = [site(number, *xy) for number, xy in enumerate(east.tolist())]
    assert "look like GCJ-02" in faults(*suspects)[0]
    few = [site(number, *xy) for number, xy in enumerate(east[:2].tolist())]
    assert not any("GCJ-02" in what for what in faults(*few))


def test_missing_crs_does_not_hide_other_faults() -> None:
    """Without a CRS positions cannot be judged, but everything else is."""
    assert faults(site(1, 114.3, 30.3, kind="boat"), crs=None) == [
        "no CRS is declared",
        "is 'boat'",
    ]
