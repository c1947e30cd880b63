# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An RF plan from a height raster to a certificate
#
# Where distance alone decides, every station serves a disc. Here antennas have a direction and a
# tilt, and the ground counts. 从高程数据到经校核的射频方案: 扇区方位角、下倾角与地形共同决定覆盖。

# %%
import dataclasses
import tempfile
from pathlib import Path

from siting.coverage import build_coverage
from siting.datasets import ezhou, standards
from siting.grid import Grid
from siting.io.geotiff import Band, write_geotiff
from siting.io.raster import read_terrain
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.provenance import Provenance
from siting.radio.network.area_report import area_report, report_areas
from siting.radio.network.improve import improve
from siting.radio.network.plan_network import plan_cells
from siting.radio.network.area_prediction import predict
from siting.radio.network.tally import QualityStandard
from siting.radio.network.what_if import WhatIf
from siting.scenario import build_scenario
from siting.spec import ScenarioSpec, SolveSpec, TargetSpec
from siting.technology import CoverageModel

data = ezhou()

# %% [markdown]
# ## The ground
#
# Any height raster will do: GeoTIFF or DTED, one file or several tiles, in any CRS. Nobody has supplied
# one for Ezhou, so the bundled relief is made up; it is written to a file here to be read again as yours
# would be.

# %%
folder = Path(tempfile.mkdtemp())
made_up = data.terrain
write_geotiff(
    folder / "dem.tif",
    made_up.grid,
    [Band(name="ground", unit="m", values=made_up.ground_m)],
    title="made-up relief",
    provenance=Provenance.SYNTHETIC,
)
city = Grid(
    crs=data.study_area.crs,
    west_m=547_000.0,
    south_m=3_321_000.0,
    cell_size_m=50.0,
    columns=1_160,
    rows=1_360,
)
imported = read_terrain(folder / "dem.tif", grid=city)
data = dataclasses.replace(data, terrain=imported.terrain)
print(
    f"ground from {imported.terrain.ground_m.min():.0f} to {imported.terrain.ground_m.max():.0f} m"
)

# %% [markdown]
# ## The plan
#
# Good service on 95 % of one development zone at least cost. Each station is also a choice of azimuth;
# the proof covers all of them.

# %%
zone = "park-gedian"
spec = ScenarioSpec(
    name="Gedian, sectors and terrain",
    coverage_model=CoverageModel.SECTORS,
    targets=(TargetSpec(zones=(zone,), standard="quality-outdoor", required_fraction=0.95),),
    solve=SolveSpec(max_runtime_s=30),
)
scenario = build_scenario(spec, data)
coverage = build_coverage(scenario)
plan = plan_scenario(scenario, coverage=coverage)
verify_plan(scenario, plan)
(step,) = plan.steps
print(
    f"{plan.stations} stations for {step.value:,.0f} CNY; no plan costs less than {step.bound:,.0f}"
)

# %% [markdown]
# ## What it delivers
#
# The plan is about level. Interference depends on all stations together, so it is predicted for the
# network as a whole: here at half load. Every figure that has no primary source is an assumption that
# can be changed.

# %%
cells, station = plan_cells(scenario, plan.selected)
prediction = predict(cells, city, terrain=imported.terrain, radius_m=2_000.0)
(planned,) = [item for item in standards() if item.id == "quality-outdoor"]
good = QualityStandard.of(planned, min_ss_sinr_db=0.0)
areas = report_areas(city, [item for item in data.zones if item.id == zone])
report = area_report(prediction, areas, standards=[good])
report.frame()[["zone", "rsrp_share", "sinr_share", "share", "low", "high", "passes", "confidence"]]

# %% [markdown]
# ## Better directions
#
# Antennas that stand are turned and tilted before anything new is built. Every trial is predicted with
# all its neighbours, and only what helps is kept.

# %%
session = WhatIf(prediction, areas, standards=[good])
stations = [int(option) for option in dict.fromkeys(station.tolist())]
number = [stations.index(option) for option in station.tolist()]
better = improve(session, number, most_trials=60)
before, after = (found.zones[0].standards[0].share for found in (better.before, better.after))
print(f"{len(better.aims)} of {better.trials} trials kept: {before:.1%} before, {after:.1%} after")

# %% [markdown]
# The figures rest on a made-up relief and synthetic candidate sites: they show the method, not Gedian.
