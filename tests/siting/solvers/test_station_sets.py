"""Sets of options of a site: which there are, what they cost, and what they serve."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from tiny_models import tiny_model

from siting.errors import InputError
from siting.models import station_sets as module
from siting.models.bundles import make_bundles
from siting.models.covering import CoverModel, cover_model
from siting.models.station_sets import StationSets, station_sets


def crowded(seed: int) -> CoverModel:
    """Three sites with one to four stations of one to three options each."""
    rng = np.random.default_rng(seed)
    site, station = [], []
    for place in range(3):
        for _ in range(int(rng.integers(1, 5))):
            number = len(set(station))
            ways = int(rng.integers(1, 4))
            site += [place] * ways
            station += [number] * ways
    options = len(site)
    return cover_model(
        rng.random((20, options)) < 0.3,
        option_cost=rng.integers(1, 9, options) * 10,
        option_site=site,
        option_station=station,
        site_cost=[50, 60, 70],
    )


def listed(sets: StationSets) -> list[tuple[int, ...]]:
    """Return the options of every set."""
    found = []
    for block, mask in zip(sets.owner.tolist(), sets.mask.tolist(), strict=True):
        options = sets.options[sets.option_ptr[block] : sets.option_ptr[block + 1]]
        found.append(
            tuple(option for bit, option in enumerate(options.tolist()) if mask >> bit & 1)
        )
    return found


@pytest.mark.parametrize("seed", range(8))
def test_every_set_of_one_option_per_station_is_there_once(seed: int) -> None:
    """The sets of a site are those that enumeration finds, with their costs."""
    model = crowded(seed)
    sets = station_sets(model)
    expected: set[tuple[int, ...]] = set()
    for site in range(3):
        stations: dict[int, list[int]] = {}
        for option in np.flatnonzero(model.option_site == site).tolist():
            stations.setdefault(int(model.option_station[option]), []).append(option)
        for chosen in itertools.product(*[[None, *ways] for ways in stations.values()]):
            options = tuple(sorted(option for option in chosen if option is not None))
            expected |= {options} if options else set()
    found = [tuple(sorted(options)) for options in listed(sets)]
    assert len(found) == len(set(found))
    assert set(found) == expected
    costs = [float(model.option_cost[list(options)].sum()) for options in found]
    assert sets.cost.tolist() == costs


@pytest.mark.parametrize("seed", range(8))
def test_a_set_is_worth_its_cost_less_what_any_of_its_options_serves(seed: int) -> None:
    """Value and served rows of a set are those of its options' union."""
    model = crowded(seed)
    sets = station_sets(model)
    prices = np.random.default_rng(seed).exponential(5.0, 20)
    rows = np.array([1, 4, 17])
    serving = sets.serving(model.cover, rows).toarray()
    dense = model.cover.toarray()
    for number, options in enumerate(listed(sets)):
        served = dense[:, list(options)].any(axis=1)
        expected = model.option_cost[list(options)].sum() - prices[served].sum()
        assert sets.value(model.cover, prices)[number] == pytest.approx(expected)
        assert np.array_equal(serving[rows, number] > 0, served[rows])
    assert not serving[np.setdiff1d(np.arange(20), rows)].any()


def test_stations_beyond_the_most_sets_begin_another_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for four sets, stations of one option stand together in twos."""
    monkeypatch.setattr(module, "MOST_SETS", 4)
    model = cover_model(np.ones((1, 5)), option_site=[0] * 5, site_cost=[0])
    # compiled code keeps the value it was compiled with: ask the Python it was made from
    first = module._block_starts.py_func(model.option_site, model.option_station)
    assert first.tolist() == [True, False, True, False, True]


@pytest.mark.parametrize("seed", range(40))
def test_bundles_keep_a_cheapest_way_to_serve_what_a_site_can(seed: int) -> None:
    """Each set of a site has a bundle that serves its rows with no more options for no more."""
    model = tiny_model(seed)
    bundles = make_bundles(model, model.cover)
    served = bundles.cover.toarray()
    dense = model.cover.toarray()
    pointer = bundles.option_ptr
    size = np.diff(pointer)
    site = np.array([model.option_site[bundles.options[start]] for start in pointer[:-1]])
    for options in listed(station_sets(model)):
        rows = dense[:, list(options)].any(axis=1)
        if not rows.any():
            continue
        place = int(model.option_site[options[0]])
        cost = model.option_cost[list(options)].sum() + model.site_cost[place]
        good = (site == place) & (bundles.cost <= cost) & (size <= len(options))
        assert (good & served[rows].all(axis=0)).any(), options


def test_stations_on_two_sites_or_with_too_many_ways_are_named() -> None:
    """Both faults come in one answer."""
    with pytest.raises(InputError) as refused:
        cover_model(sp.csr_array((1, 64)), option_site=[0] * 63 + [1], option_station=[0] * 64)
    text = str(refused.value)
    assert "1 stations stand on more than one site" in text
    assert "a station has 64 options: at most 62" in text or "at most 62" in text
