"""The documents say what the product does; each docstring says why the rule exists."""

from __future__ import annotations

import os
import re
from pathlib import Path

import typer
import typer.main
from house import Repository

import siting.errors
from app import cli

_HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "What enforces it"]
_READMES = ("README.md", "README.zh-CN.md")


def _commands(text: str) -> list[str]:
    """Return the command lines of a document's shell blocks, without comments."""
    blocks = re.findall(r"```(?:bash|sh|console)\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _siting_commands() -> list[str]:
    command = typer.main.get_command(cli.app)
    return sorted(getattr(command, "commands", {}))


def test_commands_are_read_from_shell_blocks() -> None:
    """The reader of documents finds commands and drops comments."""
    assert _commands("x\n```bash\n# note\nscripts/demo  # plans\n```\n") == ["scripts/demo"]


def test_both_readmes_list_the_same_commands(repository: Repository) -> None:
    """A planner who reads Chinese gets the same product as one who reads English."""
    english, chinese = (
        _commands((repository.root / name).read_text(encoding="utf-8")) for name in _READMES
    )
    assert english == chinese
    assert {"scripts/demo", "scripts/test", "scripts/serve"} <= set(english)


def test_both_readmes_have_the_same_chapters(repository: Repository) -> None:
    """A chapter that is missing in one language is a promise made to half of the readers."""
    english, chinese = (
        re.findall(r"^(#+) ", (repository.root / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name in _READMES
    )
    assert english == chinese


def test_commands_in_the_documents_can_be_run(repository: Repository) -> None:
    """What a document tells people to type exists and is executable."""
    documents = [path for path in repository.files if path.suffix == ".md"]
    found = []
    for document in documents:
        for line in _commands(document.read_text(encoding="utf-8")):
            words = line.split()
            if words[0].startswith("scripts/") or words[0] == ".ci/run":
                script = repository.root / words[0]
                if not os.access(script, os.X_OK):
                    found.append(f"{repository.place(document)}: {line}")
            asks = words[0] == "siting" and len(words) > 1 and not words[1].startswith("-")
            if asks and words[1] not in _siting_commands():
                found.append(f"{repository.place(document)}: {line}")
    assert not found, "\n".join(found)


def test_scripts_are_executable(repository: Repository) -> None:
    """A script that needs its interpreter typed is one more thing to remember."""
    scripts = [
        path
        for path in repository.files
        if path.relative_to(repository.root).parts[0] in {"scripts", ".ci"}
        and not path.name.startswith("_")
        and path.suffix in {"", ".sh"}
    ]
    found = [repository.place(path) for path in scripts if not os.access(path, os.X_OK)]
    assert scripts
    assert not found, "\n".join(found)


def test_every_command_of_siting_is_documented(repository: Repository) -> None:
    """Each command says what it does, shows an example, and stands in a guide."""
    guides = "".join(
        path.read_text(encoding="utf-8")
        for path in repository.files
        if path.suffix == ".md" and path.relative_to(repository.root).parts[0] == "docs"
    )
    command = typer.main.get_command(cli.app)
    found = []
    for name, item in getattr(command, "commands", {}).items():
        text = item.help or ""
        if "Example:" not in text:
            found.append(f"siting {name}: help without an example")
        if f"siting {name}" not in guides:
            found.append(f"siting {name}: in no document below docs/")
        found += [
            f"siting {name} {parameter.name}: no help"
            for parameter in item.params
            if parameter.name != "help" and not getattr(parameter, "help", None)
        ]
    assert _siting_commands()
    assert not found, "\n".join(found)


def test_decisions_have_five_headings(repository: Repository) -> None:
    """A decision is short and says what enforces it, or it is only an opinion."""
    decisions = sorted(
        path
        for path in (repository.root / "docs" / "decisions").glob("*.md")
        if path.name != "README.md"
    )
    found = [
        path.name
        for path in decisions
        if re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) != _HEADINGS
        or not re.match(r"\d{4}-[a-z0-9-]+\.md", path.name)
    ]
    assert decisions
    assert not found, "\n".join(found)


def test_decisions_are_numbered_without_gaps(repository: Repository) -> None:
    """A number names one decision for ever."""
    folder = repository.root / "docs" / "decisions"
    numbers = sorted(int(path.name[:4]) for path in folder.glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_links_between_documents_lead_somewhere(repository: Repository) -> None:
    """A dead link costs a reader the way and the trust."""
    found = []
    for document in repository.files:
        if document.suffix != ".md" or "vendor" in document.parts:
            continue
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
            inside = "://" not in target and not target.startswith("mailto:")
            if inside and not (document.parent / target).exists():
                found.append(f"{repository.place(document)}: {target}")
    assert not found, "\n".join(found)


def test_error_tree_is_drawn_in_full() -> None:
    """The drawing at the top of the errors' module tells everything that can go wrong."""
    drawing = siting.errors.__doc__ or ""
    classes = [
        name
        for name, item in vars(siting.errors).items()
        if isinstance(item, type) and issubclass(item, siting.errors.SitingError)
    ]
    assert classes
    assert [name for name in classes if name not in drawing] == []


def test_changelog_follows_keep_a_changelog(repository: Repository) -> None:
    """Planners find what changed for them under the headings they know."""
    text = Path(repository.root, "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert "## [Unreleased]" in text
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
