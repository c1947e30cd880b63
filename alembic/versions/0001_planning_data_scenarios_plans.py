"""Planning data, scenarios and plans.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table of ours."""
    op.create_table(
        "datasets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("crs", sa.Text(), nullable=False),
        sa.Column("grid", postgresql.JSONB(), nullable=False),
        sa.Column("demand_provenance", postgresql.JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
    )
    op.create_table(
        "scenarios",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("spec", postgresql.JSONB(), nullable=False),
        sa.Column("scenario_hash", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scenarios"),
    )
    op.create_index("ix_scenarios_scenario_hash", "scenarios", ["scenario_hash"], unique=False)
    op.create_table(
        "targets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("deadline", sa.Text(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("responsible", sa.Text(), nullable=False),
        sa.Column("siting_relevant", sa.Boolean(), nullable=False),
        sa.Column("is_aim", sa.Boolean(), nullable=False),
        sa.Column("quote_zh", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_targets"),
    )
    op.create_geospatial_table(
        "candidate_sites",
        sa.Column("fid", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("height_m", sa.Double(), nullable=False),
        sa.Column("fixed_cost_cny", sa.BigInteger(), nullable=False),
        sa.Column("existing", sa.Boolean(), nullable=False),
        sa.Column("near_water", sa.Boolean(), nullable=False),
        sa.Column(
            "geom",
            Geometry(geometry_type="POINT", srid=4326, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.CheckConstraint("fixed_cost_cny >= 0", name="ck_candidate_sites_cost_not_negative"),
        sa.CheckConstraint("height_m > 0", name="ck_candidate_sites_height_positive"),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name="fk_candidate_sites_dataset_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("fid", name="pk_candidate_sites"),
        sa.UniqueConstraint("dataset_id", "id", name="uq_candidate_sites_dataset_id_id"),
    )
    op.create_geospatial_index(
        "idx_candidate_sites_geom",
        "candidate_sites",
        ["geom"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_geospatial_table(
        "demand",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("col", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("population", sa.Double(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(geometry_type="POLYGON", srid=4326, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_demand_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "id", name="pk_demand"),
    )
    op.create_geospatial_index(
        "idx_demand_geom", "demand", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_geospatial_table(
        "districts",
        sa.Column("fid", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("population", sa.Double(), nullable=False),
        sa.Column("geom", Geometry(srid=4326, dimension=2, spatial_index=False), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "geometrytype(geom) in ('POLYGON', 'MULTIPOLYGON')", name="ck_districts_polygonal"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_districts_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fid", name="pk_districts"),
        sa.UniqueConstraint("dataset_id", "id", name="uq_districts_dataset_id_id"),
    )
    op.create_geospatial_index(
        "idx_districts_geom", "districts", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("declared_crs", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rejected", postgresql.JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_imports_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_dataset_id", "imports", ["dataset_id"], unique=False)
    op.create_geospatial_table(
        "places",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT", srid=4326, dimension=2, spatial_index=False, name="geometry"
            ),
            nullable=True,
        ),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_places_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "id", name="pk_places"),
    )
    op.create_geospatial_index(
        "idx_places_geom", "places", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scenario_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("deaths", sa.SmallInteger(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("scenario_hash", sa.Text(), nullable=True),
        sa.Column("dataset_hash", sa.Text(), nullable=True),
        sa.Column("standards", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("stations", sa.Integer(), nullable=True),
        sa.Column("sites", sa.Integer(), nullable=True),
        sa.Column("cost_cny", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("runtime_s", sa.Double(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("provenance", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'cancelled', 'failed')",
            name="ck_plans_state_known",
        ),
        sa.ForeignKeyConstraint(
            ["scenario_id"], ["scenarios.id"], name="fk_plans_scenario_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_index(
        "ix_plans_open",
        "plans",
        ["state"],
        unique=False,
        postgresql_where="state in ('queued', 'running')",
    )
    op.create_index("ix_plans_scenario_id", "plans", ["scenario_id"], unique=False)
    op.create_table(
        "standards",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("min_ss_rsrp_dbm", sa.Double(), nullable=False),
        sa.Column("area_probability", sa.Double(), nullable=False),
        sa.Column("penetration", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("min_bandwidth_mhz", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_standards_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "id", name="pk_standards"),
    )
    op.create_table(
        "technologies",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("station_class", sa.Text(), nullable=False),
        sa.Column("propagation", sa.Text(), nullable=False),
        sa.Column("frequency_mhz", sa.Double(), nullable=False),
        sa.Column("bandwidth_mhz", sa.Double(), nullable=False),
        sa.Column("subcarrier_spacing_khz", sa.Double(), nullable=False),
        sa.Column("tx_power_dbm", sa.Double(), nullable=False),
        sa.Column("ssb_gain_dbi", sa.Double(), nullable=False),
        sa.Column("max_height_m", sa.Double(), nullable=False),
        sa.Column("hosts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("cost_cny", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_technologies_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "id", name="pk_technologies"),
    )
    op.create_geospatial_table(
        "water_bodies",
        sa.Column("fid", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("geom", Geometry(srid=4326, dimension=2, spatial_index=False), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "geometrytype(geom) in ('POLYGON', 'MULTIPOLYGON')", name="ck_water_bodies_polygonal"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_water_bodies_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fid", name="pk_water_bodies"),
    )
    op.create_geospatial_index(
        "idx_water_bodies_geom", "water_bodies", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_index("ix_water_bodies_dataset_id", "water_bodies", ["dataset_id"], unique=False)
    op.create_geospatial_table(
        "zones",
        sa.Column("fid", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("geom", Geometry(srid=4326, dimension=2, spatial_index=False), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "geometrytype(geom) in ('POLYGON', 'MULTIPOLYGON')", name="ck_zones_polygonal"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_zones_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fid", name="pk_zones"),
        sa.UniqueConstraint("dataset_id", "id", name="uq_zones_dataset_id_id"),
    )
    op.create_geospatial_index(
        "idx_zones_geom", "zones", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "plan_checkpoints",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("scenario_hash", sa.Text(), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_checkpoints_plan_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", name="pk_plan_checkpoints"),
    )
    op.create_table(
        "plan_demand",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("demand_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("served", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_demand_plan_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "demand_id", name="pk_plan_demand"),
    )
    op.create_geospatial_table(
        "plan_options",
        sa.Column("fid", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("option", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("site_kind", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("technology_id", sa.Text(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("height_m", sa.Double(), nullable=False),
        sa.Column("cost_cny", sa.BigInteger(), nullable=False),
        sa.Column("site_cost_cny", sa.BigInteger(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(geometry_type="POINT", srid=4326, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_options_plan_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fid", name="pk_plan_options"),
        sa.UniqueConstraint("plan_id", "option", name="uq_plan_options_plan_id_option"),
    )
    op.create_geospatial_index(
        "idx_plan_options_geom", "plan_options", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "plan_outcomes",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_target", sa.Boolean(), nullable=False),
        sa.Column("zone_id", sa.Text(), nullable=False),
        sa.Column("zone_name_zh", sa.Text(), nullable=False),
        sa.Column("zone_name_en", sa.Text(), nullable=False),
        sa.Column("zone_kind", sa.Text(), nullable=False),
        sa.Column("standard_id", sa.Text(), nullable=False),
        sa.Column("weight", sa.Text(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("served", sa.Double(), nullable=False),
        sa.Column("reachable", sa.Double(), nullable=False),
        sa.Column("required_fraction", sa.Double(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("shortfall", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_outcomes_plan_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "position", name="pk_plan_outcomes"),
    )
    op.create_table(
        "plan_progress",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("fraction", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("bound", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("elapsed_s", sa.Double(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_progress_plan_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plan_progress"),
    )
    op.create_index("ix_plan_progress_plan_id_id", "plan_progress", ["plan_id", "id"], unique=False)
    op.create_table(
        "plan_steps",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sense", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("bound", sa.Double(), nullable=False),
        sa.Column("gap", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("runtime_s", sa.Double(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_steps_plan_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "position", name="pk_plan_steps"),
    )


def downgrade() -> None:
    """Drop every table of ours."""
    op.drop_table("plan_steps")
    op.drop_table("plan_progress")
    op.drop_table("plan_outcomes")
    op.drop_table("plan_options")
    op.drop_table("plan_demand")
    op.drop_table("plan_checkpoints")
    op.drop_table("zones")
    op.drop_table("water_bodies")
    op.drop_table("technologies")
    op.drop_table("standards")
    op.drop_table("plans")
    op.drop_table("places")
    op.drop_table("imports")
    op.drop_table("districts")
    op.drop_table("demand")
    op.drop_table("candidate_sites")
    op.drop_table("targets")
    op.drop_table("scenarios")
    op.drop_table("datasets")
