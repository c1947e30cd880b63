-- One tile of the candidate sites of a data set.
-- :dataset; :z, :x, :y  tile in WebMercatorQuad
with bounds as (
    select st_tileenvelope(:z, :x, :y) as tile
),
sites as (
    select
        candidate_sites.id,
        candidate_sites.kind,
        candidate_sites.district,
        candidate_sites.height_m,
        candidate_sites.existing::integer as existing,
        candidate_sites.provenance,
        st_asmvtgeom(st_transform(candidate_sites.geom, 3857), bounds.tile, 4096, 8) as geom
    from bounds
    join candidate_sites
        on candidate_sites.dataset_id = :dataset
        and candidate_sites.geom && st_transform(st_expand(bounds.tile, 64), 4326)
)
select st_asmvt(sites, 'sites', 4096, 'geom') from sites where geom is not null
