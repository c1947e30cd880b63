-- One tile of the candidate sites, thinned to one per 1/256 of the tile's side.
-- :dataset; :z, :x, :y  tile in WebMercatorQuad
with bounds as (
    select st_tileenvelope(:z, :x, :y) as tile
),
placed as (
    select
        candidate_sites.*,
        bounds.tile,
        st_transform(candidate_sites.geom, 3857) as mercator,
        (st_xmax(bounds.tile) - st_xmin(bounds.tile)) / 256 as side
    from bounds
    join candidate_sites
        on candidate_sites.dataset_id = :dataset
        and candidate_sites.geom && st_transform(bounds.tile, 4326)
),
sites as (
    select distinct on (floor(st_x(mercator) / side), floor(st_y(mercator) / side))
        id,
        kind,
        district,
        height_m,
        existing::integer as existing,
        provenance,
        count(*) over (
            partition by floor(st_x(mercator) / side), floor(st_y(mercator) / side)
        )::integer as count,
        st_asmvtgeom(mercator, tile, 4096, 8) as geom
    from placed
    order by floor(st_x(mercator) / side), floor(st_y(mercator) / side), fid
)
select st_asmvt(sites, 'sites', 4096, 'geom') from sites where geom is not null
