"""Rules about the committed files; each docstring says why the rule exists."""

from __future__ import annotations

import ast
import json
import re
import tomllib

from house import Repository
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Largest committed file [bytes].
_MAX_BYTES = 2_000_000
#: Where package managers fetch from. Spelt in pieces, so that this file keeps its own rule.
_REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("ghcr", "io"),
        ("docker", "io"),
    )
)
_HOME = re.compile(r"(?<![\w.$}])/(?:home|root|Users|work)/[\w.-]+")
_SECRET = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bgithub_pat_[A-Za-z0-9_]{40,}\b"
    r"|\bxox[abp]-[A-Za-z0-9-]{20,}\b"
    r"|\bsk-[A-Za-z0-9_-]{32,}\b"
)


def _texts(repository: Repository) -> list[tuple[str, str]]:
    """Return (name, text) of every committed text file that people write."""
    found = []
    for path in repository.files:
        name = path.relative_to(repository.root).as_posix()
        data = path.read_bytes()
        if b"\0" not in data[:8000]:
            found.append((name, data.decode("utf-8", errors="replace")))
    return found


def _is_vendored(name: str) -> bool:
    return name.startswith("siting/vendor/")


def test_patterns_can_fail() -> None:
    """The patterns find what they are for, and leave ordinary text alone."""
    assert _HOME.search("cd " + "/ho" + "me/someone/checkout")
    assert not _HOME.search("see docs/home/page and $ROOT/ho" + "me/x")
    assert _SECRET.search("-----BEGIN " + "PRIVATE KEY-----")
    assert not _SECRET.search("sk-learn is scikit-learn")


def test_no_large_file(repository: Repository) -> None:
    """A clone stays small: what is large is built from its source or fetched by the user."""
    found = [
        f"{repository.place(path)}: {path.stat().st_size} bytes"
        for path in repository.files
        if path.stat().st_size >= _MAX_BYTES
    ]
    assert not found, "\n".join(found)


def test_no_registry_address(repository: Repository) -> None:
    """Where packages come from is the operator's choice, made in pip's, npm's and apt's settings.

    An address in a committed file silently overrules a mirror, or leaks an internal one.
    """
    found = [
        f"{name}: {host}"
        for name, text in _texts(repository)
        if not _is_vendored(name)
        for host in _REGISTRIES
        if host in text
    ]
    assert not found, "\n".join(found)


def test_no_path_of_somebodys_machine(repository: Repository) -> None:
    """A path into a home directory works for one person only, and names them."""
    found = [
        f"{name}: {match.group()}"
        for name, text in _texts(repository)
        if not _is_vendored(name) and name != "Dockerfile"
        for match in _HOME.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_no_secret(repository: Repository) -> None:
    """Keys and tokens belong to the environment; a committed one must be considered stolen."""
    found = [
        f"{name}: {match.group()[:12]}…"
        for name, text in _texts(repository)
        for match in _SECRET.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_no_resolver_lock_file(repository: Repository) -> None:
    """Resolvers' own lock files carry registry addresses; the hashed files replace them."""
    names = {"uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json", "yarn.lock", "pdm.lock"}
    found = [repository.place(path) for path in repository.files if path.name in names]
    assert not found, "\n".join(found)


def test_notebooks_carry_no_outputs(repository: Repository) -> None:
    """Outputs make differences unreadable, and may show data nobody meant to publish."""
    found = []
    for path in repository.files:
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
                found.append(repository.place(path))
    assert not found, "\n".join(found)


def _pins(text: str) -> dict[str, list[Requirement]]:
    """Read the pinned requirements of a hashed file, by canonical name."""
    pins: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.rstrip("\\").strip())
            pins.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pins


def _version(pin: Requirement) -> str:
    return next(iter(pin.specifier)).version


def _unmet(wanted: list[str], pins: dict[str, list[Requirement]]) -> list[str]:
    """Name every requirement of pyproject.toml that the pins do not meet."""
    found = []
    for item in wanted:
        requirement = Requirement(item)
        name = canonicalize_name(requirement.name)
        if name not in pins:
            found.append(f"{item}: not pinned")
        found += [
            f"{item}: pinned to {_version(pin)}"
            for pin in pins.get(name, [])
            if not requirement.specifier.contains(_version(pin), prereleases=True)
        ]
    return found


def _strings(group: list[object]) -> list[str]:
    return [item for item in group if isinstance(item, str)]


def test_requirements_are_in_step_with_pyproject(repository: Repository) -> None:
    """Every dependency is pinned within its permitted range: ``scripts/requirements`` renews it."""
    project = tomllib.loads((repository.root / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    runtime = project["project"]["dependencies"] + _strings(groups["build"])
    extras = project["project"]["optional-dependencies"]
    development = runtime + _strings(groups["dev"]) + extras["notebook"]
    found = []
    for file, wanted in (("requirements.txt", runtime), ("requirements-dev.txt", development)):
        pins = _pins((repository.root / file).read_text(encoding="utf-8"))
        found += [f"{file}: {item}" for item in _unmet(wanted, pins)]
    assert not found, "\n".join(found)


def test_requirements_check_can_fail() -> None:
    """A missing pin and a pin outside the range are both named."""
    pins = _pins("numpy==1.0 \\\n    --hash=sha256:00\n")
    assert _unmet(["numpy>=2", "scipy"], pins) == ["numpy>=2: pinned to 1.0", "scipy: not pinned"]


def test_requirements_are_hashed_and_carry_no_address(repository: Repository) -> None:
    """A pin without a hash may be swapped on the way; an address overrules the user's mirror."""
    for file in ("requirements.txt", "requirements-dev.txt"):
        text = (repository.root / file).read_text(encoding="utf-8")
        assert "://" not in text, file
        blocks = re.split(r"\n(?=[a-zA-Z])", text.strip())
        assert len(blocks) > 20, file
        assert [block for block in blocks if "--hash=sha256:" not in block] == [], file


def test_what_is_tested_is_what_runs(repository: Repository) -> None:
    """Both requirements files name the same versions; development only adds to them."""
    runtime, development = (
        _pins((repository.root / file).read_text(encoding="utf-8"))
        for file in ("requirements.txt", "requirements-dev.txt")
    )
    found = [
        name
        for name, pins in runtime.items()
        if {_version(pin) for pin in pins} != {_version(pin) for pin in development.get(name, [])}
    ]
    assert not found, "\n".join(found)


def test_message_table_speaks_both_languages(repository: Repository) -> None:
    """Every planner-facing text exists in Chinese and in English.

    Chinese is the language of record: English may say less, never more.
    """
    path = repository.root / "siting" / "messages.py"
    table = next(
        node.value
        for node in repository.tree(path).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "MESSAGES"
        and node.value is not None
    )
    found = []
    for key, (chinese, english) in ast.literal_eval(table).items():
        if not chinese.strip() or not english.strip():
            found.append(f"{key}: empty in one language")
        places = [set(re.findall(r"{(\w*)", text)) for text in (chinese, english)]
        if not places[1] <= places[0]:
            found.append(f"{key}: {places[1] - places[0]} only in English")
    assert not found, "\n".join(found)
