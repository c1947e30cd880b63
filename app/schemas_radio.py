"""Bodies of the direct radio calls; every number names its unit."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from siting.radio.emf import PROJECT_SHARE
from siting.radio.ground.terrain import FREE_FRESNEL_SHARE
from siting.radio.link import (
    FREQUENCY_MHZ,
    GRADIENT_LIMITS,
    GRADIENT_N_UNITS_PER_KM,
    HEIGHT_M,
    REFRACTIVITY_N_UNITS,
)

#: Most points of one call, and pairs of them that are looked at.
MAX_POINTS, MAX_PAIRS = 500, 1_000

Frequency = Annotated[
    float,
    Field(
        ge=FREQUENCY_MHZ[0], le=FREQUENCY_MHZ[1], allow_inf_nan=False, description="Carrier [MHz]"
    ),
]
Height = Annotated[
    float,
    Field(ge=HEIGHT_M[0], le=HEIGHT_M[1], allow_inf_nan=False, description="Above ground [m]"),
]
Dataset = Annotated[str, Field(description="Planning data whose terrain counts", max_length=200)]


class Asked(BaseModel):
    """Base of bodies that are sent; an unknown member is a fault."""

    model_config = ConfigDict(extra="forbid")


class PointIn(Asked):
    """A place: a candidate site by its id, or longitude and latitude."""

    site: str | None = Field(default=None, description="Id of a candidate site", max_length=200)
    lon: float | None = Field(default=None, ge=-180, le=180, description="WGS 84 [deg]")
    lat: float | None = Field(default=None, ge=-90, le=90, description="WGS 84 [deg]")
    height_m: Height | None = Field(
        default=None, description="Antenna above ground [m]; left out: the site's own height"
    )

    @model_validator(mode="after")
    def _one_place(self) -> PointIn:
        """Refuse a point that is no place, or two."""
        placed = (self.lon is not None) + (self.lat is not None)
        whole = 2
        if (self.site is None) != (placed == whole) or placed == 1:
            message = "give either site, or lon and lat"
            raise ValueError(message)
        if self.site is None and self.height_m is None:
            message = "give height_m: a bare position has none of its own"
            raise ValueError(message)
        return self


class ProfileIn(Asked):
    """One path."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dataset": "ezhou",
                    "start": {"lon": 114.86, "lat": 30.38, "height_m": 30},
                    "end": {"lon": 114.92, "lat": 30.35, "height_m": 1.5},
                    "frequency_mhz": 2600,
                }
            ]
        }
    )
    dataset: Dataset = "ezhou"
    start: PointIn
    end: PointIn
    frequency_mhz: Frequency
    gradient_n_units_per_km: float = Field(
        default=GRADIENT_N_UNITS_PER_KM,
        ge=GRADIENT_LIMITS[0],
        le=GRADIENT_LIMITS[1],
        description="Average fall of the refractive index [N-units/km]; an assumption",
    )
    refractivity_n_units: float = Field(
        default=REFRACTIVITY_N_UNITS,
        ge=200,
        le=500,
        description="Refractivity at sea level [N-units]; an assumption",
    )


class SightIn(Asked):
    """Which of some places see each other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dataset": "ezhou",
                    "points": [
                        {"lon": 114.86, "lat": 30.38, "height_m": 40},
                        {"lon": 114.92, "lat": 30.35, "height_m": 40},
                        {"lon": 114.90, "lat": 30.40, "height_m": 25},
                    ],
                    "pairs": [[0, 1], [0, 2]],
                    "frequency_mhz": 15000,
                }
            ]
        }
    )
    dataset: Dataset = "ezhou"
    points: list[PointIn] = Field(min_length=2, max_length=MAX_POINTS)
    pairs: list[tuple[int, int]] | None = Field(
        default=None,
        max_length=MAX_PAIRS,
        description="Positions in `points`, from 0; left out: every pair",
    )
    frequency_mhz: Frequency
    clearance: float = Field(
        default=FREE_FRESNEL_SHARE,
        ge=-5,
        le=5,
        description="Radii of the first Fresnel zone that must be free",
    )


class SourceIn(Asked):
    """An antenna: a technology of the library, or carrier and radiated power."""

    technology: str | None = Field(default=None, description="Id in the library", max_length=200)
    frequency_mhz: Frequency | None = None
    eirp_dbm: float | None = Field(
        default=None,
        ge=-200,
        le=120,
        description="Greatest radiated power of the whole carrier [dBm]",
    )
    gain_dbi: float | None = Field(
        default=None,
        ge=-50,
        le=60,
        description="Gain of the traffic beams [dBi]; left out: the technology's beams",
    )
    tilt_deg: float = Field(default=0.0, ge=-30, le=30, description="Downtilt [deg]")

    @model_validator(mode="after")
    def _one_source(self) -> SourceIn:
        """Refuse a source that is said twice or by half."""
        bare = self.frequency_mhz is not None and self.eirp_dbm is not None
        other = self.frequency_mhz is not None or self.eirp_dbm is not None
        if (self.technology is None and not bare) or (self.technology is not None and other):
            message = "give either technology, or frequency_mhz and eirp_dbm"
            raise ValueError(message)
        if self.technology is None and self.gain_dbi is not None:
            message = "eirp_dbm holds the gain already: leave gain_dbi out"
            raise ValueError(message)
        return self


class ExposureIn(Asked):
    """Antennas at one place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dataset": "ezhou",
                    "sources": [
                        {"technology": "macro-n41", "gain_dbi": 24, "tilt_deg": 6},
                        {"frequency_mhz": 758, "eirp_dbm": 67.8},
                    ],
                    "duty": 0.75,
                }
            ]
        }
    )
    dataset: Dataset = "ezhou"
    sources: list[SourceIn] = Field(min_length=1, max_length=100)
    share: float = Field(
        default=PROJECT_SHARE,
        gt=1e-6,
        le=1,
        description="Share of the limit one project may use up, HJ/T 10.3-1996",
    )
    duty: float = Field(
        default=1.0, ge=0, le=1, description="Mean over greatest power, six minutes: an assumption"
    )
    reflection: float = Field(
        default=1.0, ge=1, le=4, description="Factor for reflected waves: an assumption"
    )


class TerrainOut(BaseModel):
    """What a figure over terrain rests on."""

    provenance: str = Field(examples=["synthetic"])
    source: str
    clutter_known: bool = Field(description="Whether buildings and trees are in the terrain")
    rests_on_synthetic: bool = Field(description="No basis for approval")


class ProfileOut(BaseModel):
    """What one path is like."""

    length_m: float = Field(description="Distance over ground [m]")
    distance_m: list[float] = Field(description="From the start [m]")
    ground_m: list[float] = Field(description="Ground above mean sea level [m]")
    clutter_m: list[float] | None = Field(description="Above ground [m]; null: not known")
    clearance_fresnel: float = Field(description="Least clearance [radii of first Fresnel zone]")
    line_of_sight: bool = Field(description="The direct ray is free")
    free_space_db: float = Field(description="Loss without obstacles, ITU-R P.525 [dB]")
    diffraction_db: float = Field(description="Bullington, ITU-R P.526 [dB]")
    basic_transmission_db: float | None = Field(
        description="ITU-R P.1812, half of time and places [dB]; null: it does not hold here"
    )
    notes: list[str]
    terrain: TerrainOut


class PairOut(BaseModel):
    """Whether two places see each other."""

    start: int = Field(description="Position in `points`")
    end: int
    length_m: float = Field(description="[m]")
    clearance_fresnel: float = Field(description="Least clearance [radii of first Fresnel zone]")
    clear: bool = Field(description="At least the clearance that was asked for")


class SightOut(BaseModel):
    """Which of some places see each other."""

    pairs: list[PairOut]
    terrain: TerrainOut


class SourceOut(BaseModel):
    """How far the public must stay from one antenna."""

    frequency_mhz: float = Field(description="[MHz]")
    eirp_dbm: float = Field(description="[dBm]")
    limit_w_m2: float = Field(description="Public limit, GB 8702-2014, table 1 [W/m²]")
    permitted_w_m2: float = Field(description="The share of it that may be used up [W/m²]")
    distance_m: float = Field(description="Compliance distance in the beam [m]")
    below_m: float | None = Field(description="Straight down [m]; null: no pattern is known")
    behind_m: float | None = Field(description="Behind [m]; null: no pattern is known")


class ExposureOut(BaseModel):
    """How far the public must stay from antennas at one place."""

    sources: list[SourceOut]
    together_m: float = Field(description="Compliance distance of all, beams in one direction [m]")
    notes: list[str]
