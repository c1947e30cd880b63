"""Coordinates: the one home of reference systems and of every conversion between them.

HTTP and storage speak WGS 84 longitude, latitude in degrees; the planning library works in one
projected metric system. GCJ-02 and BD-09 are display frames of Chinese web maps: they are decoded
on import and never reach storage or a calculation.
"""

from __future__ import annotations

from siting.geo.checks import (
    MAX_OFFSET_M,
    Repaired,
    gcj02_offset_check,
    paired_offset_check,
    position_problems,
    repair_polygons,
    swapped_axes_check,
)
from siting.geo.crs import (
    WGS84,
    project,
    project_geometry,
    require_projected_metric,
    unproject,
    unproject_geometry,
)
from siting.geo.frames import (
    Extent,
    Floats,
    Frame,
    LonLat,
    bd09_to_gcj02,
    bd09_to_wgs84,
    from_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    reframe,
    to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

__all__ = [
    "MAX_OFFSET_M",
    "WGS84",
    "Extent",
    "Floats",
    "Frame",
    "LonLat",
    "Repaired",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "from_wgs84",
    "gcj02_offset_check",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "paired_offset_check",
    "position_problems",
    "project",
    "project_geometry",
    "reframe",
    "repair_polygons",
    "require_projected_metric",
    "swapped_axes_check",
    "to_wgs84",
    "unproject",
    "unproject_geometry",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]
