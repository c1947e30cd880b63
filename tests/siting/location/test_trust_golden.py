"""The programmes of all models, constraint by constraint, as text that was read by people."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_models import FOLDER, models

from siting.location.programme import write_lp


@pytest.mark.parametrize("name", list(models()))
def test_the_programme_reads_as_it_did(name: str, tmp_path: Path) -> None:
    """A model's LP file is the kept one, line for line."""
    written = tmp_path / f"{name}.lp"
    write_lp(models()[name], written)
    kept = FOLDER / f"{name}.lp"
    assert written.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8")


def test_every_kept_programme_belongs_to_a_model() -> None:
    """No file is left over."""
    assert {path.stem for path in FOLDER.glob("*.lp")} == set(models())


def test_each_constraint_appears_where_it_is_meant_to() -> None:
    """The names of rows tell which constraint of the models' docstrings they are."""
    wanted = {
        "cover": "cover_0",
        "budget": "budget_0",
        "zone": "zone_1",
        "assigned": "assigned_3",
        "radius": "radius_0",
        "capacity_p": "capacity_2",
        "opened": "opened_0",
        "site_limit": "site_limit_0",
        "conflict_pairs": "conflict_0",
        "conflict_apart": "conflict_1",
        "served": "number_0",
        "facility": "linked_0",
    }
    for name, row in wanted.items():
        assert f"{row}:" in (FOLDER / f"{name}.lp").read_text(encoding="utf-8"), name
