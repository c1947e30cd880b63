"""A finished prediction as a worker stores it, of a few listed stations in Ezhou."""

from __future__ import annotations

import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.database import Database
from app.jobs import Kind
from app.prediction_documents import summary_document, zone_documents
from app.repository import computations, networks, planning_data, predictions
from siting.io.prediction_files import write_prediction
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.plan_prediction import (
    Ground,
    NetworkPrediction,
    predict_stations,
    prediction_grid,
)

STATIONS: list[dict[str, Any]] = [
    {"site": "a", "technology": "macro-n41", "lon": 114.887, "lat": 30.392, "height_m": 30.0,
     "turn_deg": 0.0, "tilt_deg": 6.0},
    {"site": "b", "technology": "micro-n78", "lon": 114.900, "lat": 30.390, "height_m": 8.0},
    {"site": "c", "technology": "wide-n28", "lon": 114.870, "lat": 30.400, "height_m": 30.0},
]  # fmt: skip
CELL_SIZE_M = 200.0
ASSUMED = RadioAssumptions(load=0.3)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored prediction beside the one it was made from.

    Parameters
    ----------
    id
        Its id.
    predicted
        The library's own value.
    files
        Content by name.
    """

    id: uuid.UUID
    predicted: NetworkPrediction
    files: dict[str, bytes]


def predicted_here(session: Session, dataset_id: str) -> NetworkPrediction:
    """Predict the listed stations in this process."""
    network = networks.network_of_list(
        STATIONS, dataset_id, lambda name: planning_data.load_planning_data(session, name)
    )
    return predict_stations(
        network.data,
        network.stations,
        grid=prediction_grid(network.data, CELL_SIZE_M),
        ground=Ground.of(network.data),
        stations_provenance=network.provenance,
        assumptions=ASSUMED,
    )


def store_prediction(database: Database, dataset_id: str = "ezhou") -> Stored:
    """Ask for a prediction, compute it here, and store it as a worker does."""
    with database.session() as session:
        predicted = predicted_here(session, dataset_id)
        with tempfile.TemporaryDirectory() as folder:
            written = write_prediction(predicted, Path(folder) / "files")
            files = {name: path.read_bytes() for name, path in written.items()}
        row = predictions.create_queued(
            session,
            dataset_id=dataset_id,
            cell_size_m=CELL_SIZE_M,
            assumptions=ASSUMED,
            stations=STATIONS,
        )
        work = computations.begin(session, Kind.PREDICTION, row.id)
        assert work is not None
        predictions.save_result(
            session,
            work,
            dataset_hash=planning_data.dataset(session, dataset_id).content_hash,
            version="test",
            runtime_s=predicted.runtime_s,
            summary=summary_document(predicted),
            zones=zone_documents(predicted),
            files=files,
        )
    return Stored(row.id, predicted, files)
