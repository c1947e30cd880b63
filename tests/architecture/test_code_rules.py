"""Rules about the code, held by its syntax tree; each docstring says why the rule exists."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from house import Repository

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _dotted(node: ast.AST) -> str:
    """Spell ``a.b.c``; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        stem = _dotted(node.value)
        return f"{stem}.{node.attr}" if stem else ""
    return ""


def _environment_uses(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _dotted(node) in {
            "os.environ",
            "os.environb",
            "os.getenv",
            "os.putenv",
        }:
            yield node
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            names = {alias.name for alias in node.names}
            if names & {"environ", "environb", "getenv", "putenv"}:
                yield node


def _commits(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "commit"
        ):
            yield node


def _prints(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in {
            "print",
            "sys.stdout.write",
            "sys.stderr.write",
            "logging.basicConfig",
        }:
            yield node


def _broad_excepts(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            names = {"everything"} if node.type is None else set(map(_dotted, _types(node.type)))
            cleans_up = any(isinstance(item, ast.Raise) for item in ast.walk(node))
            if {"everything", "Exception", "BaseException"} & names and not cleans_up:
                yield node


def _types(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _mutable_globals(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node


def _clock_reads(tree: ast.Module) -> Iterator[ast.AST]:
    clocks = {"perf_counter", "perf_counter_ns", "monotonic", "process_time", "runtime_s"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            compared = [item for item in ast.walk(node.test) if isinstance(item, ast.Compare)]
            for compare in compared:
                sides = [compare.left, *compare.comparators]
                named = {name for side in sides for name in _names(side)}
                numbers = [_number(side) for side in sides]
                if (
                    named & clocks or named & {"elapsed", "elapsed_s", "seconds", "duration_s"}
                ) and (any(number is not None and number > 0 for number in numbers)):
                    yield node


def _names(node: ast.AST) -> Iterator[str]:
    for item in ast.walk(node):
        if isinstance(item, ast.Attribute):
            yield item.attr
        elif isinstance(item, ast.Name):
            yield item.id


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    return None


RULES = {
    "environment": (
        _environment_uses,
        "import os\nprint(os.environ['A'])",
        "import os\nprint(os.getpid())",
    ),
    "commit": (_commits, "session.commit()", "session.flush()"),
    "print": (_prints, "print('x')", "logger.info('x')"),
    "broad except": (
        _broad_excepts,
        "try:\n    pass\nexcept Exception:\n    pass",
        "try:\n    pass\nexcept Exception:\n    close()\n    raise",
    ),
    "global": (_mutable_globals, "def f():\n    global a\n    a = 1", "def f():\n    a = 1"),
    "clock": (_clock_reads, "assert elapsed_s < 3", "assert plan.runtime_s >= 0"),
}


@pytest.mark.parametrize("name", RULES)
def test_rule_can_fail(name: str) -> None:
    """Each rule finds its own offence and lets the lawful neighbour pass."""
    finder, offence, lawful = RULES[name]
    assert list(finder(ast.parse(offence)))
    assert not list(finder(ast.parse(lawful)))


def test_environment_is_read_in_settings_only(repository: Repository) -> None:
    """One module reads the environment.

    A planner's result must not depend on a variable nobody wrote down, and a service must be
    startable twice in one process with different settings. ``app/embedded_pg.py`` asks the
    platform, not the user, for its runtime directory; ``app/solver_process.py`` hands the whole
    environment on to a child.
    """
    allowed = {"app/settings.py", "app/embedded_pg.py", "app/solver_process.py"}
    found = [
        repository.place(path, node)
        for path in repository.python("siting", "app")
        if path.relative_to(repository.root).as_posix() not in allowed
        for node in _environment_uses(repository.tree(path))
    ]
    assert not found, "\n".join(found)


def test_commits_only_at_the_transaction_edge(repository: Repository) -> None:
    """One request or job is one transaction, committed where it began.

    A commit in the middle leaves half a plan behind when the second half fails.
    """
    found = [
        repository.place(path, node)
        for path in repository.python("siting", "app")
        if path.relative_to(repository.root).as_posix() != "app/database.py"
        for node in _commits(repository.tree(path))
    ]
    assert not found, "\n".join(found)


def test_siting_prints_nothing(repository: Repository) -> None:
    """The library speaks through values, logging and the progress callback.

    In a notebook, a worker and a service, standard output belongs to somebody else.
    """
    found = [
        repository.place(path, node)
        for path in repository.python("siting")
        for node in _prints(repository.tree(path))
    ]
    assert not found, "\n".join(found)


def test_siting_has_no_global_statement(repository: Repository) -> None:
    """Module state that functions change makes two plans in one process influence each other."""
    found = [
        repository.place(path, node)
        for path in repository.python("siting")
        for node in _mutable_globals(repository.tree(path))
    ]
    assert not found, "\n".join(found)


def test_broad_except_only_at_the_workers_edge(repository: Repository) -> None:
    """A broad except hides the defect it catches.

    One is right: at the worker's edge, which records the failure on the plan. A handler that
    cleans up and raises again is no broad except.
    """
    allowed = {"app/worker.py", "app/solver_child.py"}
    found = [
        repository.place(path, node)
        for path in repository.python("siting", "app")
        if path.relative_to(repository.root).as_posix() not in allowed
        for node in _broad_excepts(repository.tree(path))
    ]
    assert not found, "\n".join(found)


def _public_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for item in node.body:
                if isinstance(item, Function) and not item.name.startswith("_"):
                    yield f"{node.name}.{item.name}", item


def _is_compiled(function: Function) -> bool:
    marks = [item.func if isinstance(item, ast.Call) else item for item in function.decorator_list]
    return any(_dotted(mark).rpartition(".")[2] in {"njit", "jit"} for mark in marks)


def _unannotated(function: Function) -> list[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    missing = [item.arg for item in named if item.annotation is None]
    missing = [name for name in missing if name not in {"self", "cls"}]
    return missing + (["return"] if function.returns is None else [])


def test_public_functions_are_annotated_and_documented(repository: Repository) -> None:
    """Every public function of the library says what it takes and gives.

    The signature and the docstring are the manual: they carry the units. Compiled kernels take
    whatever the compiler infers; they are documented all the same.
    """
    found = []
    for path in repository.python("siting"):
        for name, function in _public_functions(repository.tree(path)):
            missing = [] if _is_compiled(function) else _unannotated(function)
            if missing:
                found.append(f"{repository.place(path, function)} {name}: {', '.join(missing)}")
            if ast.get_docstring(function) is None:
                found.append(f"{repository.place(path, function)} {name}: no docstring")
    assert not found, "\n".join(found)


def test_exported_names_exist_and_are_documented(repository: Repository) -> None:
    """What ``__all__`` promises is there, and its definition or module explains it."""
    found = []
    for path in repository.python("siting", "app"):
        tree = repository.tree(path)
        defined = {
            name
            for node in ast.walk(tree)
            for name in (
                [node.name]
                if isinstance(node, Function | ast.ClassDef)
                else [alias.asname or alias.name for alias in node.names]
                if isinstance(node, ast.Import | ast.ImportFrom)
                else [item.id for item in node.targets if isinstance(item, ast.Name)]
                if isinstance(node, ast.Assign)
                else [node.target.id]
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
                else []
            )
        }
        found += [
            f"{repository.place(path)}: {name}" for name in _exported(tree) if name not in defined
        ]
    assert not found, "\n".join(found)


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            _dotted(item) == "__all__" for item in node.targets
        ):
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def test_every_module_says_what_it_is_for(repository: Repository) -> None:
    """A reader decides by the first line whether this is the file to read."""
    found = [
        repository.place(path)
        for path in repository.python("siting", "app", "tests", "data", "benchmarks")
        if repository.tree(path).body and ast.get_docstring(repository.tree(path)) is None
    ]
    assert not found, "\n".join(found)


def _tests(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name.startswith("test_"):
            yield node


def _can_fail(function: Function, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            last = name.rpartition(".")[2]
            if last.startswith(("assert_", "check", "expect")) or name == "pytest.raises":
                return True
            if last in helpers or last in {"raises", "fail", "warns"}:
                return True
    return False


def test_every_test_can_fail(repository: Repository) -> None:
    """A test without an assertion proves only that the code did not crash on that day."""
    found = []
    for path in repository.python("tests"):
        tree = repository.tree(path)
        helpers = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, Function)
            and not node.name.startswith("test_")
            and any(isinstance(item, ast.Assert) for item in ast.walk(node))
        }
        found += [
            f"{repository.place(path, test)} {test.name}"
            for test in _tests(tree)
            if not _can_fail(test, helpers)
        ]
    assert not found, "\n".join(found)


def test_every_test_says_what_it_proves(repository: Repository) -> None:
    """A test's docstring is the sentence it proves; without one nobody can mend it later."""
    found = [
        f"{repository.place(path, test)} {test.name}"
        for path in repository.python("tests")
        for test in _tests(repository.tree(path))
        if ast.get_docstring(test) is None
    ]
    assert not found, "\n".join(found)


def test_no_test_asserts_a_time(repository: Repository) -> None:
    """A test that measures a clock fails on a busy machine and teaches people to run it again."""
    found = [
        repository.place(path, node)
        for path in repository.python("tests")
        for node in _clock_reads(repository.tree(path))
    ]
    assert not found, "\n".join(found)
