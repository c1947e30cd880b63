"""What the architecture rules look at: the files of the repository and their syntax trees."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Folders of a checkout that hold nothing of the product.
_IGNORED = {".git", ".venv", ".cache", "node_modules", "__pycache__", "out", "build", "dist"}


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the files git knows or would add; every file of a copy without git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [
            path for path in ROOT.rglob("*") if not _IGNORED & set(path.relative_to(ROOT).parts)
        ]
    return tuple(sorted(path for path in set(paths) if path.is_file()))


@cache
def syntax_tree(path: Path) -> ast.Module:
    """Parse a Python file once per run."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


class Repository:
    """The checkout, as the rules see it."""

    root = ROOT

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is or would be committed."""
        return tracked_files()

    def python(self, *folders: str) -> list[Path]:
        """Return the Python files below the given top folders."""
        return [
            path
            for path in self.files
            if path.suffix == ".py" and path.relative_to(self.root).parts[0] in folders
        ]

    def tree(self, path: Path) -> ast.Module:
        """Return the syntax tree of a Python file."""
        return syntax_tree(path)

    def place(self, path: Path, node: ast.AST | None = None) -> str:
        """Name a file and line the way editors understand."""
        name = path.relative_to(self.root).as_posix()
        return f"{name}:{node.lineno}" if node is not None and hasattr(node, "lineno") else name
