"""Radio predictions: ask for one, follow it, stop it, read what it found."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.errors import MalformedError, NotFoundError, RequestError
from app.jobs import Kind
from app.prediction_tables import Prediction
from app.repository import networks, planning_data, predictions
from app.repository.features import DEFAULT_LIMIT, MAX_LIMIT
from app.repository.networks import DataOf, Network
from app.repository.planning_data import PlanningDataCache
from app.repository.progress import latest_progress
from app.routes.dependencies import Running, Writing
from app.routes.paging import (
    absolute,
    decode_uuid_cursor,
    encode_cursor,
    here,
    refuse_unknown_parameters,
)
from app.schemas import Link, Listed, ProgressOut
from app.schemas_prediction import (
    AssumptionOut,
    FileOut,
    PredictionDocument,
    PredictionIn,
    PredictionOut,
    PredictionSummary,
    StationIn,
    ZoneFiguresOut,
)
from app.tables import PlanState
from siting.errors import InputError, Problem, raise_if
from siting.provenance import Provenance
from siting.radio.network.plan_prediction import prediction_grid, raster_problems
from siting.scenario import PlanningData

router = APIRouter(
    prefix="/api/v1", tags=["Predictions"], dependencies=[Depends(refuse_unknown_parameters)]
)

PredictionId = Annotated[uuid.UUID, Path(description="Id of the prediction")]

_PLACE = re.compile(r"stations\[(\d+)\]")

#: Rasters that are served as tiles, by the name of their file.
LAYERS = ("ss_rsrp", "ss_sinr", "best_server")


@router.post("/predictions", status_code=202, summary="Ask for a prediction")
def request_prediction(
    request: Request,
    response: Response,
    session: Writing,
    running: Running,
    document: PredictionDocument,
) -> PredictionOut:
    """Queue the prediction of level, interference and best server; its state is at the `Location`.

    Either of a plan's stations (`plan_id`), or of listed ones (`dataset` and `stations`). Every
    fault comes in one answer: of form, of names, and of every number.
    """
    network = _checked(session, running.planning, document)
    asked = document.asked
    assert asked is not None  # noqa: S101 - it was checked
    listed = asked.stations
    row = predictions.create_queued(
        session,
        dataset_id=network.dataset_id,
        cell_size_m=asked.cell_size_m,
        assumptions=asked.changed(),
        plan_id=asked.plan_id,
        stations=None if listed is None else _rows(listed),
    )
    response.headers["Location"] = absolute(request, f"/api/v1/predictions/{row.id}")
    return _out(request, session, row)


@router.get("/predictions", summary="Predictions, newest first")
def list_predictions(
    request: Request,
    session: Writing,
    *,
    plan_id: Annotated[uuid.UUID | None, Query(description="Only of this plan")] = None,
    state: Annotated[PlanState | None, Query(description="Only in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most of a page")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="From the 'next' link")] = None,
) -> Listed[PredictionSummary]:
    """List predictions in short."""
    rows = predictions.page(
        session,
        limit=limit + 1,
        after=decode_uuid_cursor("predictions", cursor),
        plan_id=plan_id,
        state=state,
    )
    links = [Link(rel="self", href=here(request))]
    if len(rows) > limit:
        position = encode_cursor("predictions", str(rows[limit - 1].id))
        links.append(Link(rel="next", href=here(request, cursor=position)))
    items = [PredictionSummary(**_short(request, row)) for row in rows[:limit]]
    return Listed(items=items, links=links)


@router.get("/predictions/{prediction_id}", summary="One prediction")
def get_prediction(
    request: Request, session: Writing, prediction_id: PredictionId
) -> PredictionOut:
    """Return a prediction: its state, and its figures by zone and files once there is a result."""
    return _out(request, session, existing_prediction(session, prediction_id))


@router.delete(
    "/predictions/{prediction_id}",
    summary="Stop a prediction's computation",
    responses={202: {"model": PredictionOut, "description": "It is told to stop"}},
)
def cancel_prediction(
    request: Request, response: Response, session: Writing, prediction_id: PredictionId
) -> PredictionOut:
    """Stop the computation; nothing of it is kept. Asking again changes nothing.

    202: it runs and is told to stop. 200: it has ended, or never began.
    """
    row = predictions.cancel(session, prediction_id)
    if row is None:
        raise _unknown(prediction_id)
    response.status_code = 200 if PlanState(row.state).ended else 202
    return _out(request, session, row)


def existing_prediction(session: Session, prediction_id: uuid.UUID) -> Prediction:
    """Return a stored prediction.

    Raises
    ------
    NotFoundError
        When there is none of that id.
    """
    row = predictions.get(session, prediction_id)
    if row is None:
        raise _unknown(prediction_id)
    return row


def _unknown(prediction_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"there is no prediction {prediction_id}; /api/v1/predictions lists them")


def _checked(
    session: Session, planning: PlanningDataCache, document: PredictionDocument
) -> Network:
    """Return the stations asked about, or refuse with the faults of form and content together."""
    problems = list(document.problems)
    asked = document.asked
    network = None if asked is None else _network(session, planning, asked, document, problems)
    if document.problems:
        raise MalformedError(problems)
    raise_if(problems, RequestError)
    assert network is not None  # noqa: S101 - without it there are problems
    return network


def _network(
    session: Session,
    planning: PlanningDataCache,
    asked: PredictionIn,
    document: PredictionDocument,
    problems: list[Problem],
) -> Network | None:
    """Find the stations; add every fault of the question to `problems`."""
    known = [row.id for row in planning_data.datasets(session)]

    def data_of(dataset_id: str) -> PlanningData:
        if dataset_id not in known:
            what = f"unknown planning data {dataset_id!r}"
            hint = "known: " + (", ".join(known) or "none is loaded")
            raise InputError(Problem("dataset", what, hint))
        return planning.get(session, dataset_id)

    network = placed = data = None
    try:
        if asked.plan_id is not None:
            problems += _one_network(asked)
            network = placed = networks.network_of_plan(session, asked.plan_id, data_of)
        elif asked.dataset is None or asked.stations is None:
            # What was taken out with its fault is not missing.
            problems += [] if document.problems else _one_network(asked)
            data = None if asked.dataset is None else data_of(asked.dataset)
        else:
            data = data_of(asked.dataset)
            rows = dict(zip(document.positions, _rows(asked.stations), strict=True))
            network, placed, found = _listed(rows, asked.dataset, data_of)
            problems += found
    except InputError as error:
        problems += error.problems
    problems += asked.changed().problems()
    data = data if network is None else network.data  # that of a plan
    if data is None and known:
        data = planning.get(session, known[0])  # the cell's permitted sides are those of any
    if data is not None:
        try:
            grid = prediction_grid(data, asked.cell_size_m)
        except InputError as error:
            found = error.problems
        else:
            found = [] if placed is None else raster_problems(placed.stations, grid)
        problems += [
            replace(item, where=item.where.replace("cell size", "cell_size_m")) for item in found
        ]
    return network


def _rows(stations: list[StationIn]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json") for item in stations]


def _listed(
    rows: Mapping[int, Mapping[str, Any]], dataset: str, data_of: DataOf
) -> tuple[Network | None, Network | None, Sequence[Problem]]:
    """Read listed stations by their place in the list.

    Returns
    -------
    network, placed, problems
        The stations, None when there are faults; those without a fault, so that their places can
        be checked in the same answer, None when there is none; and the faults.
    """
    try:
        network = networks.network_of_list(
            list(rows.values()), dataset, data_of, positions=tuple(rows)
        )
    except InputError as error:
        faulty = {int(found[1]) for item in error.problems if (found := _PLACE.match(item.where))}
        good = [row for place, row in rows.items() if place not in faulty]
        placed = None
        if faulty and good:
            with contextlib.suppress(InputError):  # more faults than are named one by one
                placed = networks.network_of_list(good, dataset, data_of)
        return None, placed, error.problems
    return network, network, ()


def _one_network(asked: PredictionIn) -> list[Problem]:
    """Say what is too much or too little to know whose stations are meant."""
    listed = {"dataset": asked.dataset, "stations": asked.stations}
    hint = "give either plan_id, or dataset and stations"
    if asked.plan_id is not None:
        return [
            Problem(name, "is given beside plan_id", hint)
            for name, value in listed.items()
            if value is not None
        ]
    return [Problem(name, "is missing", hint) for name, value in listed.items() if value is None]


def _short(request: Request, row: Prediction) -> dict[str, Any]:
    """Return what a list tells of a prediction."""
    summary = row.summary or {}
    sentence = summary.get("sentence", {})
    return {name: getattr(row, name) for name in _STORED} | {
        "summary_zh": sentence.get("zh"),
        "summary_en": sentence.get("en"),
        "rests_on_synthetic": rests_on_synthetic(row),
        "links": _links(request, row),
    }


_STORED = [
    name
    for name in PredictionSummary.model_fields
    if name not in {"links", "summary_zh", "summary_en", "rests_on_synthetic"}
]


def rests_on_synthetic(row: Prediction) -> bool | None:
    """Say whether any input of a prediction is synthetic; None before there is a result."""
    if row.summary is None:
        return None
    shares = row.summary["provenance"].values()
    return any(item.get(Provenance.SYNTHETIC, 0) > 0 for item in shares)


def _out(request: Request, session: Session, row: Prediction) -> PredictionOut:
    summary = row.summary or {}
    latest = latest_progress(session, Kind.PREDICTION, row.id)
    told = ("stations", "sites", "cells", "provenance", "terrain_source", "bounds")
    stored = ("attempt", "dataset_hash", "version", "runtime_s")
    files = [FileOut.model_validate(item) for item in predictions.files(session, row.id)]
    for item in files:
        item.href = absolute(request, f"/api/v1/predictions/{row.id}/{item.name}")
    notice = summary.get("notice", {})
    return PredictionOut(
        **_short(request, row),
        **{name: summary.get(name) for name in told},
        **{name: getattr(row, name) for name in stored},
        notice_zh=notice.get("zh"),
        notice_en=notice.get("en"),
        progress=None if latest is None else ProgressOut.model_validate(latest),
        assumptions=[AssumptionOut(**item) for item in summary.get("assumptions", [])],
        zones=[ZoneFiguresOut(**item) for item in row.zones or []],
        files=files,
    )


def _links(request: Request, row: Prediction) -> list[Link]:
    base = f"/api/v1/predictions/{row.id}"
    links = [("self", base), ("events", f"{base}/events")]
    if row.plan_id is not None:
        links.append(("plan", f"/api/v1/plans/{row.plan_id}"))
    if row.summary is not None:
        links.append(("map", f"{base}/prediction.html"))
        links += [("tiles", f"{base}/tiles/{layer}.json") for layer in LAYERS]
    return [Link(rel=rel, href=absolute(request, path)) for rel, path in links]
