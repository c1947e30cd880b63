"""The command line of the benchmarks."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import COMMANDS, main


def test_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer who asks for help reads every command and what it measures."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)
    assert "%%" not in said


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_a_benchmark(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command explains its options."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"scripts/bench {command}" in capsys.readouterr().out
