"""Features of every published layer: columns, pages, single features, boxes.

The layers stand in one table in code; nothing is read from the database's catalogue, and no name
that a user sends reaches SQL. Features come out of the database as finished GeoJSON text.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text

from siting.status import Status

#: Decimals of a degree in answers: 0.1 mm.
DIGITS = 9
DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000

JsonType = Literal["string", "integer", "number", "boolean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One published property.

    Parameters
    ----------
    name
        Name of the property; also the column's unless `sql` says otherwise.
    type
        JSON type of its values.
    description
        Meaning and unit.
    sql
        Expression over the layer's table.
    """

    name: str
    type: JsonType
    description: str
    sql: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One published layer.

    Parameters
    ----------
    id, title, description
        How it is named and explained.
    table
        Table its rows come from; each has ``fid`` (the order of pages) and ``geom``.
    geometry
        GeoJSON geometry of its features.
    columns
        Its properties.
    plan
        The plan whose rows the layer holds, or None for stored planning data.
    """

    id: str
    title: str
    description: str
    table: str
    geometry: Literal["Point", "MultiPolygon"]
    columns: tuple[Column, ...]
    plan: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some features in the order of ``fid``.

    Parameters
    ----------
    features
        GeoJSON features as JSON text.
    last
        ``fid`` of the last one when there are more behind it, else None.
    """

    features: Sequence[str]
    last: int | None


Box = tuple[float, float, float, float]

_DATASET = Column(
    name="dataset", type="string", description="Planning data it belongs to", sql="dataset_id"
)
_ID = Column(name="id", type="string", description="Identifier, unique in its dataset")
_NAMES = (
    Column(name="name_zh", type="string", description="Official Chinese name"),
    Column(name="name_en", type="string", description="English name"),
)
_ORIGIN = (
    Column(
        name="provenance",
        type="string",
        description="Origin: real, derived, approximate, synthetic or missing",
    ),
    Column(name="source", type="string", description="Citation of the source"),
    Column(name="licence", type="string", description="Licence of the source"),
    Column(name="accuracy_m", type="number", description="Positional accuracy [m]; null: unknown"),
)

DISTRICTS = Layer(
    id="districts",
    title="Districts",
    description="Administrative districts; together they are the study area",
    table="districts",
    geometry="MultiPolygon",
    columns=(
        _ID,
        _DATASET,
        *_NAMES,
        Column(name="area_m2", type="number", description="Area in the working CRS [m²]"),
        Column(name="population", type="number", description="Sum over its demand [people]"),
        *_ORIGIN,
    ),
)

ZONES = Layer(
    id="zones",
    title="Zones",
    description="Zones that targets may name, districts included",
    table="zones",
    geometry="MultiPolygon",
    columns=(
        _ID,
        _DATASET,
        *_NAMES,
        Column(name="kind", type="string", description="Kind of zone, e.g. airport"),
        Column(name="tier", type="integer", description="Rank of importance, 1 the highest"),
        *_ORIGIN,
    ),
)

SITES = Layer(
    id="sites",
    title="Candidate sites",
    description="Places that may host equipment",
    table="candidate_sites",
    geometry="Point",
    columns=(
        _ID,
        _DATASET,
        Column(name="kind", type="string", description="tower, rooftop or street_pole"),
        Column(name="owner", type="string", description="Owner of the host"),
        Column(name="district", type="string", description="Code of the district it lies in"),
        Column(name="height_m", type="number", description="Highest antenna mounting [m]"),
        Column(name="fixed_cost_cny", type="integer", description="Cost to open the site [CNY]"),
        Column(name="existing", type="boolean", description="The site stands already"),
        *_ORIGIN,
    ),
)

STORED: Mapping[str, Layer] = {layer.id: layer for layer in (DISTRICTS, ZONES, SITES)}

_PLAN_COLUMNS = (
    Column(name="site_id", type="string", description="Candidate site it stands on"),
    Column(name="site_kind", type="string", description="tower, rooftop or street_pole"),
    Column(name="district", type="string", description="Code of the district it lies in"),
    Column(name="technology_id", type="string", description="Equipment"),
    Column(name="step", type="integer", description="Step that chose it: 0 targets, 1 service"),
    Column(name="height_m", type="number", description="Antenna height above ground [m]"),
    Column(name="turn_deg", type="number", description="Azimuth of the first antenna [deg]"),
    Column(name="tilt_deg", type="number", description="Electrical downtilt [deg]"),
    Column(name="cost_cny", type="integer", description="Cost of the equipment [CNY]"),
    Column(
        name="site_cost_cny",
        type="integer",
        description="Cost of the site, paid once however many stations it hosts [CNY]",
    ),
    Column(name="work", type="string", description="What is done: stands, reaimed or new"),
    Column(name="provenance", type="string", description="Origin of the candidate site"),
)


def plan_layer(plan: uuid.UUID, scenario_name: str, status: str) -> Layer:
    """Return the layer of a finished plan's stations."""
    return Layer(
        id=f"plan-{plan}-sites",
        title=f"Stations planned: {scenario_name}",
        description=f"Every station of plan {plan} (status {Status(status).value}): "
        "a technology at a site",
        table="plan_options",
        geometry="Point",
        columns=_PLAN_COLUMNS,
        plan=plan,
    )


_FINISHED = """
select plans.id, scenarios.name, plans.status
from plans join scenarios on scenarios.id = plans.scenario_id
where plans.status is not null and plans.state in ('done', 'cancelled')
"""


def plan_layers(connection: Connection, *, limit: int = 1_000) -> list[Layer]:
    """Return one layer per plan that has a result, the newest first."""
    rows = connection.execute(
        text(f"{_FINISHED} order by plans.id desc limit :limit"), {"limit": limit}
    )
    return [plan_layer(row.id, row.name, row.status) for row in rows]


def find_layer(connection: Connection, layer_id: str) -> Layer | None:
    """Return a layer by its id, or None when there is none."""
    if layer_id in STORED:
        return STORED[layer_id]
    prefix, suffix = "plan-", "-sites"
    if not (layer_id.startswith(prefix) and layer_id.endswith(suffix)):
        return None
    try:
        plan = uuid.UUID(layer_id[len(prefix) : -len(suffix)])
    except ValueError:
        return None
    row = connection.execute(text(f"{_FINISHED} and plans.id = :plan"), {"plan": plan}).first()
    return None if row is None else plan_layer(row.id, row.name, row.status)


def read_page(
    connection: Connection,
    layer: Layer,
    *,
    limit: int,
    after: int = 0,
    boxes: Sequence[Box] = (),
    equal: Mapping[str, str] | None = None,
) -> Page:
    """Read the features behind `after`, at most `limit`.

    Parameters
    ----------
    connection
        Where to read.
    layer
        What to read.
    limit, after
        Length of the page, and ``fid`` of the last feature of the page before.
    boxes
        West, south, east, north [degrees]; a feature must touch one of them. Two boxes stand for
        one across the antimeridian.
    equal
        Values that properties must have, by names of the layer's columns.
    """
    where, values = _conditions(layer, boxes, equal or {})
    statement = text(
        f"select fid, {_feature_sql(layer)} from {layer.table} "  # noqa: S608 - names from code
        f"where fid > :after and {where} order by fid limit :limit"
    )
    rows = connection.execute(statement, {**values, "after": after, "limit": limit + 1}).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return Page([row[1] for row in rows], rows[-1][0] if more else None)


def read_feature(connection: Connection, layer: Layer, fid: int) -> str | None:
    """Return one feature as JSON text, or None when there is none."""
    where, values = _conditions(layer, (), {})
    row = connection.execute(
        text(
            f"select {_feature_sql(layer)} from {layer.table} "  # noqa: S608 - names from code
            f"where fid = :fid and {where}"
        ),
        {**values, "fid": fid},
    ).first()
    return None if row is None else row[0]


def read_by_id(connection: Connection, layer: Layer, dataset: str, name: str) -> str | None:
    """Return the feature of a stored layer that carries the text id `name`, or None."""
    row = connection.execute(
        text(
            f"select {_feature_sql(layer)} from {layer.table} "  # noqa: S608 - names from code
            "where dataset_id = :dataset and id = :name"
        ),
        {"dataset": dataset, "name": name},
    ).first()
    return None if row is None else row[0]


def extent(connection: Connection, layer: Layer) -> Box | None:
    """Return the box round all features of a layer [degrees], or None when it is empty."""
    where, values = _conditions(layer, (), {})
    boxed = f"select st_extent(geom) as box from {layer.table} where {where}"  # noqa: S608 - names from code
    corners = "select st_xmin(box), st_ymin(box), st_xmax(box), st_ymax(box)"
    row = connection.execute(text(f"{corners} from ({boxed}) as found"), values).one()
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


def _conditions(
    layer: Layer, boxes: Sequence[Box], equal: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Return the conditions of a query and the values bound in it."""
    parts, values = ["true"], dict[str, Any]()
    if layer.plan is not None:
        parts.append("plan_id = :plan")
        values["plan"] = layer.plan
    touching: list[str] = []
    for number, box in enumerate(boxes):
        names = [f"box{number}_{side}" for side in ("west", "south", "east", "north")]
        values.update(zip(names, box, strict=True))
        corners = ", ".join(f":{name}" for name in names)
        touching.append(f"st_intersects(geom, st_makeenvelope({corners}, 4326))")
    if touching:
        parts.append(f"({' or '.join(touching)})")
    columns = {column.name: column for column in layer.columns}
    for name, value in equal.items():
        column = columns[name]
        parts.append(f"{column.sql or column.name} = :equal_{name}")
        values[f"equal_{name}"] = value
    return " and ".join(parts), values


def _feature_sql(layer: Layer) -> str:
    geometry = "geom" if layer.geometry == "Point" else "st_multi(geom)"
    properties = ", ".join(
        f"'{column.name}', {column.sql or column.name}" for column in layer.columns
    )
    return (
        "json_build_object('type', 'Feature', 'id', fid, "
        f"'geometry', st_asgeojson({geometry}, {DIGITS})::json, "
        f"'properties', json_build_object({properties}))::text"
    )
