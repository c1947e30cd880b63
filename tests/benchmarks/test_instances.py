"""Public instance files: read as their formats say, told apart, and refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import siting
from benchmarks.instances import classic, parsing
from benchmarks.instances.city import options_for, random_city
from benchmarks.instances.public import instance_files, read_questions
from siting.errors import FileError
from siting.location.capacity import CapacitatedFacilityLocation
from siting.location.covering import MaximalCovering, SetCovering
from siting.location.distance import PMedian

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT.parent / "shared/vectors/solver"
STORES = ROOT.parent / "shared/vectors/sf"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="shared vectors absent")
needs_stores = pytest.mark.skipif(not STORES.is_dir(), reason="shared vectors absent")


def test_repeated_edge_keeps_its_last_cost() -> None:
    """Of an edge given twice, in either direction, the last cost counts, then shortest paths."""
    distance, p = parsing.graph_distances("3 4 2\n1 2 9\n2 3 4\n1 3 20\n2 1\n5")
    assert p == 2
    assert distance.tolist() == [[0, 5, 9], [5, 0, 4], [9, 4, 0]]


def test_edge_of_no_length_is_an_edge() -> None:
    """A cost of 0 joins its nodes, and a node without an edge is out of reach."""
    distance, _ = parsing.graph_distances("3 1 1 1 2 0")
    assert distance[0, 1] == 0
    assert np.isinf(distance[0, 2])


def test_cover_by_row_and_by_column_are_the_same_cover() -> None:
    """The two formats of set covers differ in direction only; line breaks mean nothing."""
    by_row, cost = parsing.cover_by_row("2 3\n7 8\n9\n2 1 3\n1\n2")
    by_column, same_cost = parsing.cover_by_column("2 3 7 1 1 8 1 2 9 1 1")
    assert by_row.toarray().tolist() == by_column.toarray().tolist()
    assert by_row.toarray().tolist() == [[True, False, True], [False, True, False]]
    assert cost.tolist() == same_cost.tolist() == [7, 8, 9]


def test_points_are_clients_and_candidates() -> None:
    """Each point of an SJC file is both."""
    plane = parsing.points("2 9999 p S\n0 1 5\n2 3 6\n")
    assert plane.demand_xy.tolist() == plane.site_xy.tolist() == [[0, 1], [2, 3]]
    assert plane.weight.tolist() == [5, 6]


def test_facilities_and_customers_are_told_by_their_letters() -> None:
    """F lines are candidates, C lines demand."""
    plane = parsing.facilities_and_customers("1 2\nF 0 0.5 1.5 1\nC 0 1 2 30\nC 1 3 4 40")
    assert plane.site_xy.tolist() == [[0.5, 1.5]]
    assert plane.demand_xy.tolist() == [[1, 2], [3, 4]]
    assert plane.weight.tolist() == [30, 40]


def test_costs_are_for_all_of_a_demand() -> None:
    """Both facility formats give the cost of serving the whole of a demand."""
    by_line = parsing.facilities_by_line("2 1  10 3  20 4  5  50 60")
    by_block = parsing.facilities_by_block("2 1  10 20  3 4  5  50 60")
    for places in (by_line, by_block):
        assert places.capacity is not None
        assert places.capacity.tolist() == [10, 20]
        assert places.opening.tolist() == [3, 4]
        assert places.demand.tolist() == [5]
        assert places.serving.tolist() == [[50, 60]]


def test_the_word_capacity_leaves_it_to_the_user(tmp_path: Path) -> None:
    """A file with the word instead of capacities asks the uncapacitated question."""
    path = tmp_path / "capx.txt"
    path.write_text("2 1  capacity 3  capacity 4  5  50 60")
    (question,) = read_questions(path)
    assert question.model == "UFLP"
    model = question.make()
    assert isinstance(model, CapacitatedFacilityLocation)
    assert model.capacity.tolist() == [5, 5]
    assert model.distance.tolist() == [[10, 12]]


BY_LINE = "3 2\n 10 30\n 20 40\n 30 50\n 5 1 2 3\n 6 4 5 6\n"
BY_BLOCK = "3 2\n10 20 30\n30 40 50\n5 6\n1 2 3\n4 5 6\n"


@pytest.mark.parametrize(
    ("place", "text", "models"),
    [
        ("pmed/a.txt", "3 2 1 1 2 5 2 3 5", ["p-median", "p-center"]),
        ("anything/a", "3 2 1 1 2 5 2 3 5", ["p-median", "p-center"]),
        ("scp/b.txt", "2 3 7 8 9 2 1 3 1 2", ["LSCP"]),
        ("rail/c", "2 3 7 1 1 8 1 2 9 1 1", ["LSCP"]),
        ("scp/c", "2 3 7 1 1 8 1 2 9 1 1", ["LSCP"]),
        ("anything/c", "2 3 7 1 1 8 1 2 9 1 1", ["LSCP"]),
        ("mclp/d", "2 9999 p S 0 1 5 2 3 6", ["MCLP"] * 8),
        ("d.txt", "2 9999 p S 0 1 5 2 3 6", ["MCLP"] * 8),
        ("mclp/e", "1 1\nF 0 0 0 1\nC 0 1 1 5", []),
        ("cflp/beasley/cap9.txt", BY_LINE, ["CFLP"]),
        ("elsewhere/x9", BY_LINE, ["CFLP"]),
        ("cflp/holmberg/p9", BY_BLOCK, ["CFLP", "CFLP"]),
        ("cflp/p9", BY_BLOCK, ["CFLP", "CFLP"]),
    ],
)
def test_format_is_told_by_folder_and_content(
    tmp_path: Path, place: str, text: str, models: list[str]
) -> None:
    """A file dropped into a folder, or anywhere, is read by the right format."""
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert [question.model for question in read_questions(path)] == models
    if models and set(models) == {"CFLP"}:
        model = read_questions(path)[0].make()
        assert model.capacity.tolist() == [10, 20, 30]
        assert model.cost.tolist() == [30, 40, 50]
        assert model.demand.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("place", "text", "reason"),
    [
        ("pmed/a", "", "is empty"),
        ("pmed/a", "3 2 1 1 2 5", "holds 6 numbers, its header asks for 9"),
        ("pmed/a", "3 1 1 1 4 5", r"holds the index 4, needs 1\.\.3"),
        ("pmed/a", "3 1 x 1 4 5", "holds 'x' where a number is expected"),
        ("pmed/a", "3 1 4 1 2 5", "p is above the number of nodes"),
        ("scp/a", "2 3 7 8 9 2 1", "ends after|its counts ask for"),
        ("scp/a", "2 3 7 8 9 2 1 3 1 9", r"holds the index 9, needs 1\.\.3"),
        ("scp/a", "2 3 7", "ends within its column costs"),
        ("scp/a", "0 3 7", "needs whole numbers >= 1"),
        ("rail/a", "2 1 7 nan", "not finite|where a number"),
        ("mclp/a", "2 9999 p S 0 1 5", "holds 3 numbers, its header asks for 6"),
        ("mclp/a", "2 9999", "the header is not 'n 9999 p S'"),
        ("mclp/a", "1 1 F 0 0 0 1 X 0 1 1 5", "does not begin with F or C"),
        ("cflp/cap1", "2 1 capacity 3 5 4 5 50 60", "for some of the capacities only"),
        ("cflp/cap1", "2 1 10 3 20 4 0 50 60", "or 0 and yet costs something"),
    ],
)
def test_damaged_file_is_refused_with_the_reason(
    tmp_path: Path, place: str, text: str, reason: str
) -> None:
    """What is wrong with a file is said in one sentence that names it."""
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(FileError, match=rf"(?s)cannot read .*{place}: .*({reason})"):
        read_questions(path)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no text are named as that."""
    path = tmp_path / "a"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="is no text"):
        read_questions(path)


def test_answers_and_notes_are_no_instances(tmp_path: Path) -> None:
    """Only what may be an instance is listed, p2 before p13."""
    for name in ("p13", "p2", "cap71.txt.opt", "README.md", ".hidden", "LICENSE-x.txt"):
        (tmp_path / name).write_text("1")
    assert [path.name for path in instance_files(tmp_path)] == ["p2", "p13"]


@needs_vectors
@pytest.mark.slow
def test_shared_vectors_have_their_published_sizes() -> None:
    """Totals and sizes named beside the vectors are found in them."""
    found = {path.name: read_questions(path) for path in instance_files(VECTORS)}
    sjc = found["SJC_SJC324.txt"][0].make()
    assert isinstance(sjc, MaximalCovering)
    assert sjc.cover.shape == (324, 324)
    assert sjc.demand.sum() == 12152
    bds = found["BDS_BDS10000A.txt"][0].make()
    assert isinstance(bds, MaximalCovering)
    assert bds.cover.shape == (10_000, 100)
    assert bds.demand.sum() == 502_399
    rail = found["rail507"][0].make()
    assert isinstance(rail, SetCovering)
    assert rail.cover.shape == (507, 63_009)
    median = found["pmed40.txt"][0].make()
    assert isinstance(median, PMedian)
    assert (median.distance.shape, median.p) == ((900, 900), 90)
    assert [item.model for item in found["capa.txt"]] == ["UFLP"]
    assert [item.model for item in found["p25"]] == ["CFLP", "CFLP"]


@needs_vectors
def test_published_choice_of_capa_costs_what_is_published() -> None:
    """The .opt file's assignment, valued by the model as read, gives its published cost."""
    (question,) = read_questions(VECTORS / "cflp/beasley/capa.txt")
    model = question.make()
    assert isinstance(model, CapacitatedFacilityLocation)
    words = (VECTORS / "cflp/beasley/capa.txt.opt").read_text().split()
    server, total = np.array(words[:-1], dtype=np.int64), float(words[-1])
    serving = model.distance[np.arange(len(server)), server] @ model.demand
    assert serving + model.cost[np.unique(server)].sum() == pytest.approx(total, abs=1e-3)


@needs_stores
def test_stores_keep_the_zeros_of_their_names() -> None:
    """All 205 tracts are joined with their distances, and the four questions are asked."""
    (path,) = instance_files(STORES)
    questions = read_questions(path)
    assert [question.model for question in questions] == ["LSCP", "MCLP", "p-median", "p-center"]
    median = questions[2].make()
    assert isinstance(median, PMedian)
    assert median.distance.shape == (205, 16)
    assert np.isfinite(median.distance).all()
    assert median.demand.sum() == 955_113


def test_city_is_drawn_as_described() -> None:
    """Twelve candidates reach a point on average, and a seed gives one city."""
    city = random_city(100, 3000, 7)
    again = random_city(100, 3000, 7)
    cover = city.cover()
    assert np.array_equal(city.demand_xy, again.demand_xy)
    assert not np.array_equal(city.demand_xy, random_city(100, 3000, 8).demand_xy)
    assert cover.nnz / 3000 == pytest.approx(12, abs=0.1)
    assert ((city.demand_xy >= 0) & (city.demand_xy <= 40_000)).all()
    assert set(np.unique(city.weight)) <= set(range(1, 101))


def test_options_for_a_share_is_what_greedy_addition_needs() -> None:
    """The number of candidates equals that of a plain greedy addition."""
    city = random_city(60, 500, 3)
    dense = city.cover().toarray()
    served = np.zeros(500, dtype=bool)
    count = 0
    while city.weight[served].sum() < 0.8 * city.weight.sum():
        served |= dense[:, np.argmax(city.weight @ (dense & ~served[:, None]))]
        count += 1
    assert options_for(city.cover(), city.weight) == count


def test_drawn_instances_follow_their_recipes() -> None:
    """Set covers have two columns in each row, graphs are connected, capacities suffice."""
    cover, cost = classic.set_cover(80, 400, 0.03, 2)
    assert np.diff(cover.indptr).min() >= 2
    assert np.diff(cover.tocsc().indptr).min() >= 1
    assert cover.nnz / cover.shape[0] / cover.shape[1] == pytest.approx(0.03, abs=0.005)
    assert ((cost >= 1) & (cost <= 100)).all()
    distance = classic.graph(60, 2)
    assert np.isfinite(distance).all()
    assert np.array_equal(distance, distance.T)
    places = classic.facilities(6, 30, 1.5, 2)
    assert places.capacity is not None
    assert places.capacity.sum() == pytest.approx(1.5 * places.demand.sum(), abs=6)
    assert siting.PMedian(distance, p=2).p == 2
