"""The rasters of predictions ready to be drawn as tiles; a few are kept, for they never change."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from app import translate
from app.prediction_tables import Prediction
from app.repository import predictions
from siting.grid import Grid
from siting.io.geotiff import read_band
from siting.maps import SS_RSRP, SS_SINR
from siting.maps.raster_tile import TiledRaster, tiled_levels, tiled_servers

#: Memory that the rasters kept may take [bytes]; the last one is kept whatever it takes.
KEPT_BYTES = 128_000_000

Values = npt.NDArray[np.float32]

#: What draws each layer. The file of servers counts them from 1.
DRAWN: Mapping[str, Callable[[Grid, Values], TiledRaster]] = {
    "ss_rsrp": lambda grid, values: tiled_levels(grid, values, SS_RSRP),
    "ss_sinr": lambda grid, values: tiled_levels(grid, values, SS_SINR),
    "best_server": lambda grid, values: tiled_servers(grid, values - 1.0),
}


class PredictionRasters:
    """The rasters last drawn; safe for threads.

    Parameters
    ----------
    kept_bytes
        Memory they may take [bytes].
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[uuid.UUID, str], TiledRaster] = OrderedDict()
        self._kept_bytes = kept_bytes

    def get(self, session: Session, row: Prediction, layer: str) -> TiledRaster:
        """Return a layer of :data:`DRAWN` of a prediction that has a result."""
        key = (row.id, layer)
        # One at a time: the twenty tiles of a first look cause one reading.
        with self._lock:
            raster = self._kept.get(key)
            if raster is None:
                raster = self._kept[key] = _read(session, row, layer)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self.size > self._kept_bytes:
                self._kept.popitem(last=False)
            return raster

    @property
    def size(self) -> int:
        """Memory in use [bytes]."""
        return sum(item.index.nbytes for item in self._kept.values())


def _read(session: Session, row: Prediction, layer: str) -> TiledRaster:
    assert row.summary is not None  # noqa: S101 - the caller's condition
    name = f"{layer}.tif"
    file = predictions.file(session, row.id, name)
    assert file is not None  # noqa: S101 - a result has all its files
    content = predictions.content(session, row.id, name, 0, file.size)
    return DRAWN[layer](translate.grid(row.summary["grid"]), read_band(content))
