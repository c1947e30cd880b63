"""A network made ready for prediction: its carriers, tables and noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from siting.grid import Grid
from siting.radio.antenna import PatternTable, pattern_table
from siting.radio.network.accumulate import QUANTUM_MW, CellTable
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.cells import Cells, eirp_per_subcarrier_dbm, spacing_hz
from siting.radio.network.loss_curves import LossCurves, LossTable
from siting.radio.propagation.path_loss import Floats
from siting.radio.propagation.penetration import BuildingLoss, IrrGlass, building_loss
from siting.technology import Penetration
from siting.units import dbm_to_milliwatt

#: Thermal noise at 290 K [dBm/Hz].
THERMAL_DBM_HZ = -173.975


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadioModel:
    """Cells and assumptions as the arrays that loops and formulas take.

    Parameters
    ----------
    cells, assumptions, grid, irr_glass
        The question.
    frequencies_mhz
        Carriers, ascending: cells on one frequency disturb each other, others do not.
    table, losses, patterns
        For compiled loops.
    directional
        Whether the antenna of a cell has a direction, (cells,).
    noise_mw
        Noise in one subcarrier at the user, by cell [mW], (cells,).
    """

    cells: Cells
    assumptions: RadioAssumptions
    grid: Grid
    irr_glass: IrrGlass
    frequencies_mhz: tuple[float, ...]
    curves: LossCurves
    table: CellTable
    losses: LossTable
    patterns: PatternTable
    directional: npt.NDArray[np.bool_]
    noise_mw: Floats

    def with_cells(self, cells: Cells) -> RadioModel:
        """Return the model of other cells with the same equipment; known loss curves are kept."""
        table, losses = _tables(cells, self.assumptions, self.grid, self.curves)
        return replace(
            self,
            cells=cells,
            table=table,
            losses=losses,
            directional=_directional(cells),
            noise_mw=_noise_mw(cells, self.assumptions),
        )

    def building(self, penetration: Penetration) -> tuple[BuildingLoss, ...]:
        """Loss into a building by technology."""
        return tuple(
            building_loss(
                penetration,
                technology.propagation,
                frequency_mhz=technology.frequency_mhz,
                irr_glass=self.irr_glass,
            )
            for technology in self.cells.technologies
        )

    def by_cell(self, values: list[float]) -> Floats:
        """Spread values by technology over the cells, (cells,)."""
        return np.array(values, dtype=np.float64)[self.cells.technology]


def radio_model(
    cells: Cells,
    grid: Grid,
    *,
    radius_m: float,
    assumptions: RadioAssumptions,
    irr_glass: IrrGlass,
) -> RadioModel:
    """Prepare cells that are known to have no problems."""
    curves = LossCurves(radius_m)
    table, losses = _tables(cells, assumptions, grid, curves)
    return RadioModel(
        cells=cells,
        assumptions=assumptions,
        grid=grid,
        irr_glass=irr_glass,
        frequencies_mhz=_frequencies(cells),
        curves=curves,
        table=table,
        losses=losses,
        patterns=pattern_table(cells.patterns),
        directional=_directional(cells),
        noise_mw=_noise_mw(cells, assumptions),
    )


def _frequencies(cells: Cells) -> tuple[float, ...]:
    return tuple(sorted({technology.frequency_mhz for technology in cells.technologies}))


def _directional(cells: Cells) -> npt.NDArray[np.bool_]:
    shaped = [
        bool(pattern.horizontal_db.any() or pattern.vertical_db.any()) for pattern in cells.patterns
    ]
    return np.array(shaped, dtype=np.bool_)[cells.pattern]


def _noise_mw(cells: Cells, assumptions: RadioAssumptions) -> Floats:
    density = float(dbm_to_milliwatt(THERMAL_DBM_HZ + assumptions.user_noise_figure_db))
    by_technology = [density * spacing_hz(technology) for technology in cells.technologies]
    return np.array(by_technology, dtype=np.float64)[cells.technology]


def _tables(
    cells: Cells, assumptions: RadioAssumptions, grid: Grid, curves: LossCurves
) -> tuple[CellTable, LossTable]:
    frequencies = _frequencies(cells)
    carrier = [frequencies.index(technology.frequency_mhz) for technology in cells.technologies]
    eirp = [eirp_per_subcarrier_dbm(technology) for technology in cells.technologies]
    place = (cells.xy - [grid.west_m, grid.south_m]) / grid.cell_size_m
    keys = np.column_stack([cells.technology, cells.height_m])
    distinct, curve = np.unique(keys, axis=0, return_inverse=True)
    rows = curves.rows((cells.technologies[int(number)], h) for number, h in distinct.tolist())
    load = np.where(np.isnan(cells.load), assumptions.load, cells.load)
    table = CellTable(
        x=np.ascontiguousarray(place[:, 0]),
        y=np.ascontiguousarray(place[:, 1]),
        carrier=np.array(carrier, dtype=np.int32)[cells.technology],
        curve=rows[curve.reshape(-1)],
        pattern=cells.pattern.astype(np.int32),
        eirp_dbm=np.array(eirp, dtype=np.float64)[cells.technology],
        azimuth_deg=np.mod(cells.azimuth_deg, 360.0),
        tilt_deg=cells.tilt_deg.astype(np.float64),
        mechanical_deg=cells.mechanical_tilt_deg.astype(np.float64),
        weight=load / QUANTUM_MW,
    )
    return table, curves.table()
