"""Radio prediction.

::

    propagation/   loss of single paths by their standards: TR 38.901, P.1812, Hata, walls, edges
    ground/        terrain, and what it puts between a mast and the places round it
    network/       all cells of a city: rasters, interference, figures by zone, what if, improvement

Beside these: antennas, carriers and the link budget; which options serve which demand points
(:mod:`~siting.radio.sector_coverage`, and :mod:`~siting.radio.point_grid` by distance); exposure,
backhaul, calibration and single links.
"""
