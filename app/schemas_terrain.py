"""Bodies about the terrain of a data set; every number names its unit."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from app.schemas import Link


class TerrainFileOut(BaseModel):
    """What a file of heights was, and what was filled in."""

    format: str = Field(examples=["GTiff"])
    crs: str = Field(examples=["EPSG:4326"])
    resolution_m: list[float] = Field(description="Size of its pixels east and north [m]")
    vertical_unit: str = Field(description="Unit of its heights: m, ft or ftUS")
    unit_assumed: bool = Field(description="Nobody named the unit; metres were taken")
    voids_filled: int = Field(
        description="Cells without a height: ground is filled in, for clutter nothing stands there"
    )
    farthest_fill_m: float = Field(description="From a filled cell to a known height [m]")
    heights_m: list[float] = Field(description="Lowest and highest on the cells [m]")


class TerrainSummary(BaseModel):
    """One terrain of a data set, in a list."""

    id: int
    current: bool = Field(description="In force: plans and predictions are made on it")
    imported: bool = Field(description="Not from the bundled files")
    provenance: str = Field(examples=["real"])
    source: str = Field(description="Citation of the heights")
    loaded_at: dt.datetime


class TerrainReport(TerrainSummary):
    """A terrain in full."""

    dataset: str = Field(examples=["ezhou"])
    content_hash: str = Field(description="Of the data set, as it is now")
    crs: str = Field(description="CRS of its cells", examples=["EPSG:4547"])
    cell_size_m: float = Field(description="Side of a cell [m]")
    columns: int
    rows: int
    cells: int
    clutter_known: bool = Field(description="Heights of buildings and trees are known")
    rests_on_synthetic: bool
    file: TerrainFileOut | None = Field(description="Ground that was sent; null: none was")
    clutter_file: TerrainFileOut | None = Field(description="Clutter that was sent; null: none was")
    earlier: list[TerrainSummary] = Field(description="Terrains not in force, newest first")
    links: list[Link] = []
