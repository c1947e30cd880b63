"""The guide's example of siting constraints is one that works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from siting.datasets import named_dataset, scenario_text
from siting.exclusion_spec import ExclusionAssumptions, ExclusionsSpec
from siting.exclusions import Reason
from siting.io.scenario_file import parse_scenario
from siting.scenario import build_scenario

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "radio.md"


def test_the_example_of_the_guide_rules_in_ezhou() -> None:
    """Appended to the bundled scenario it leaves options out for four reasons and lowers some.

    The figures it writes out are the defaults.
    """
    blocks = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "[exclusions]" in block)
    rules = ExclusionsSpec.model_validate(tomllib.loads(example)["exclusions"])
    assert rules.assumptions == ExclusionAssumptions()
    spec = parse_scenario(f"{scenario_text('ezhou-5g')}\n{example}")
    scenario = build_scenario(spec, named_dataset("ezhou"))
    assert {item.reason for item in scenario.excluded} == set(Reason) - {Reason.WATER}
    assert scenario.lowered
