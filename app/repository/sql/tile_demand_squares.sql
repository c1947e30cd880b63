-- One tile of a plan's demand, cells summed into squares of :side by :side cells.
-- A square counts whole in every tile it touches: cells are read :margin [m of the tile's
-- projection] beyond the tile's edge.
-- :plan, :dataset, :bit, :z, :x, :y  as in tile_demand.sql
with bounds as (
    select st_tileenvelope(:z, :x, :y) as tile
),
squares as (
    select
        sum(demand.population) as population,
        sum(demand.area_m2) as area_m2,
        coalesce(
            sum(demand.area_m2) filter (where (plan_demand.served >> :bit) & 1 = 1), 0
        ) as served_m2,
        count(*)::integer as cells,
        st_setsrid(st_extent(demand.geom)::geometry, 4326) as geom
    from bounds
    join demand
        on demand.dataset_id = :dataset
        and demand.geom && st_transform(st_expand(bounds.tile, :margin), 4326)
    join plan_demand
        on plan_demand.plan_id = :plan
        and plan_demand.demand_id = demand.id
    group by demand.col / :side, demand.row / :side
),
features as (
    select
        round(squares.population)::integer as population,
        round(squares.area_m2)::bigint as area_m2,
        (squares.served_m2 * 2 >= squares.area_m2)::integer as served,
        -- rounded down: a square that is not wholly served never reads 1
        floor(squares.served_m2 / nullif(squares.area_m2, 0) * 1000) / 1000 as share,
        squares.cells,
        st_asmvtgeom(st_transform(squares.geom, 3857), bounds.tile, 4096, 8) as geom
    from squares, bounds
)
select st_asmvt(features, 'demand', 4096, 'geom') from features where geom is not null
