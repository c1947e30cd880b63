-- One tile of a plan's demand: every cell as it is, with who is served by one standard.
-- :plan, :dataset  whose demand; :bit  position of the standard in plans.standards
-- :z, :x, :y  tile in WebMercatorQuad
with bounds as (
    select st_tileenvelope(:z, :x, :y) as tile
),
cells as (
    select
        demand.id,
        round(demand.population::numeric, 2)::double precision as population,
        round(demand.area_m2)::integer as area_m2,
        ((plan_demand.served >> :bit) & 1)::integer as served,
        st_asmvtgeom(st_transform(demand.geom, 3857), bounds.tile, 4096, 8) as geom
    from bounds
    join demand
        on demand.dataset_id = :dataset
        and demand.geom && st_transform(st_expand(bounds.tile, 64), 4326)
    join plan_demand
        on plan_demand.plan_id = :plan
        and plan_demand.demand_id = demand.id
)
select st_asmvt(cells, 'demand', 4096, 'geom') from cells where geom is not null
