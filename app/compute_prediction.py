"""The computation of a prediction: read the question, predict, write, store in one commit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from app.computing import Asked, Reporter
from app.database import Database
from app.prediction_documents import summary_document, zone_documents
from app.repository import networks, planning_data, predictions
from app.repository.computations import SupersededError
from app.repository.networks import Network
from app.solver_process import Ended, Ending, Task
from siting.io.prediction_files import write_prediction
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.plan_prediction import Ground, predict_stations, prediction_grid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Question:
    """What to predict, read at one moment."""

    network: Network
    dataset_hash: str
    cell_size_m: float
    assumptions: RadioAssumptions


def compute_prediction(database: Database, task: Task, asked: Asked, report: Reporter) -> Ended:
    """Compute and store the prediction of a task.

    Parameters
    ----------
    database, task
        What to compute, where.
    asked, report
        What the worker asks for meanwhile; told how far it is.

    Raises
    ------
    siting.errors.SitingError
        When the question cannot be answered on the planning data as they are now.
    concurrent.futures.CancelledError
        When it was stopped before it was complete.
    SupersededError
        When another worker has taken the prediction over.
    """
    question = _question(database, task)
    network, data = question.network, question.network.data
    predicted = predict_stations(
        data,
        network.stations,
        grid=prediction_grid(data, question.cell_size_m),
        ground=Ground.of(data),
        stations_provenance=network.provenance,
        assumptions=question.assumptions,
        stop=asked,
        progress=report,
    )
    report.phase("outputs")
    with tempfile.TemporaryDirectory() as folder:
        written = write_prediction(predicted, Path(folder) / "files")
        contents = {name: path.read_bytes() for name, path in written.items()}
    with database.session() as session:
        predictions.save_result(
            session,
            task.work,
            dataset_hash=question.dataset_hash,
            version=version("siting"),
            runtime_s=predicted.runtime_s,
            summary=summary_document(predicted),
            zones=zone_documents(predicted),
            files=contents,
        )
    return Ended(how=Ending.STORED)


def _question(database: Database, task: Task) -> _Question:
    """Read the question and its planning data as they are at one moment."""
    with database.session() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        row = predictions.get(session, task.work.id)
        if row is None:
            raise SupersededError("it was deleted")

        def data_of(dataset_id: str):  # noqa: ANN202 - as DataOf says
            return planning_data.load_planning_data(session, dataset_id)

        if row.plan_id is not None:
            network = networks.network_of_plan(session, row.plan_id, data_of)
        else:
            network = networks.network_of_list(row.stations or [], row.dataset_id, data_of)
        return _Question(
            network=network,
            dataset_hash=planning_data.dataset(session, network.dataset_id).content_hash,
            cell_size_m=row.cell_size_m,
            assumptions=RadioAssumptions(**row.assumptions),
        )
