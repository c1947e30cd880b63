"""The private PostGIS: made whole or not at all, shared by processes, mended after crashes."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.database import conninfo, ensure_ready
from app.embedded_pg import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    default_socket_dir,
    find_binaries,
)
from app.settings import DatabaseSettings

pytestmark = [pytest.mark.database, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a short, empty directory that other users may enter; what runs in it is ended."""
    made = Path(tempfile.mkdtemp(prefix="siting-pg-"))
    made.chmod(0o755)
    yield made
    with contextlib.suppress(OSError, ValueError):
        os.kill(postmaster(made), signal.SIGINT)
    shutil.rmtree(made, ignore_errors=True)
    shutil.rmtree(default_socket_dir(made), ignore_errors=True)


def postmaster(folder: Path) -> int:
    """Return the number of the server's process by its own lock file."""
    return int((folder / "postgres/cluster/postmaster.pid").read_text().splitlines()[0])


def ask(server: EmbeddedPostgres, query: str) -> object:
    """Run one query in the database every cluster has."""
    with psycopg.connect(conninfo(server.url("postgres")), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_starts_private_and_stops_without_a_trace(folder: Path) -> None:
    """The server speaks UTF8 on a unix socket in a 0700 directory only, and leaves no process."""
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()
    pid = postmaster(folder)
    assert ask(server, "show server_encoding") == "UTF8"
    assert ask(server, "select datcollate from pg_database where datname = 'template1'") == (
        "C.UTF-8"
    )
    assert ask(server, "show listen_addresses") == ""
    assert ask(server, "select count(*) from pg_available_extensions where name = 'postgis'") == 1
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "postgres/cluster").stat().st_mode) == 0o700
    server.stop()
    assert not alive(pid)
    assert not server.socket_dir.exists()
    assert not list((folder / "postgres").glob("initdb-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_runs_it_as_the_postgres_user(folder: Path) -> None:
    """Started by root, server and files belong to the user postgres without further groups."""
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()
    try:
        status = Path(f"/proc/{postmaster(folder)}/status").read_text()
        uid = pwd.getpwnam("postgres").pw_uid
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
        groups = next(line for line in status.splitlines() if line.startswith("Groups:"))
        assert groups.split()[1:] == []
        assert (folder / "postgres/cluster").stat().st_uid == uid
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a directory closed to the postgres user")
def test_a_directory_the_server_cannot_reach_is_named(folder: Path) -> None:
    """Below root's private directory the message names the path, the user and the setting."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match=r"closed.*'postgres' cannot.*SITING_DATA_DIR"):
        EmbeddedPostgres(closed / "data").start()


def test_a_data_directory_that_is_a_file_is_named(folder: Path) -> None:
    """A path that cannot be a directory is refused with the setting that changes it."""
    (folder / "data").write_text("not a directory")
    with pytest.raises(EmbeddedPostgresError, match=r"data cannot hold.*SITING_DATA_DIR"):
        EmbeddedPostgres(folder / "data").start()


def test_a_socket_path_that_is_too_long_is_refused_before_anything_is_made(folder: Path) -> None:
    """Beyond 107 bytes the message says how long it is, and no cluster appears."""
    deep = folder / ("x" * 100)
    with pytest.raises(EmbeddedPostgresError, match="at most 107"):
        EmbeddedPostgres(folder, socket_dir=deep).start()
    assert list(folder.iterdir()) == []


def test_the_default_socket_path_is_short_for_any_data_directory() -> None:
    """However deep the data lie, the socket's path stays within the limit."""
    assert len(f"{default_socket_dir(Path('/') / ('deep/' * 200))}/.s.PGSQL.5432") <= 107


def test_a_socket_directory_of_somebody_else_is_refused(folder: Path) -> None:
    """A directory others may enter could hold a forged socket: it is not used."""
    planted = folder / "socket"
    planted.mkdir(mode=0o755)
    with pytest.raises(EmbeddedPostgresError, match="not a private directory"):
        EmbeddedPostgres(folder / "data", socket_dir=planted).start()


def test_without_postgis_the_message_holds_the_command(tmp_path: Path) -> None:
    """No PostgreSQL, or one without PostGIS, is answered with the apt command."""
    programs = tmp_path / "lib/15/bin"
    programs.mkdir(parents=True)
    (programs / "initdb").touch()
    with pytest.raises(EmbeddedPostgresError, match="apt-get install -y postgresql-postgis"):
        find_binaries(library=tmp_path / "lib", share=tmp_path / "share")


def test_the_newest_major_with_postgis_is_taken(tmp_path: Path) -> None:
    """Versions compare as numbers, and one without PostGIS does not count."""
    for major, postgis in (("9", True), ("15", True), ("18", False)):
        programs = tmp_path / "lib" / major / "bin"
        programs.mkdir(parents=True)
        (programs / "initdb").touch()
        extension = tmp_path / "share" / major / "extension"
        extension.mkdir(parents=True)
        if postgis:
            (extension / "postgis.control").touch()
    found = find_binaries(library=tmp_path / "lib", share=tmp_path / "share")
    assert found == tmp_path / "lib/15/bin"


def test_data_of_another_major_version_are_left_alone(folder: Path) -> None:
    """Data made by a version that is not installed give the command that installs it."""
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()
    server.stop()
    version = folder / "postgres/cluster/PG_VERSION"
    before = version.read_text()
    version.write_text("99\n")
    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 99.*postgresql-99-postgis"
    ):
        EmbeddedPostgres(folder).start()
    assert version.read_text() == "99\n"
    version.write_text(before)


def test_a_failed_initdb_leaves_nothing_half_made(folder: Path) -> None:
    """When making the cluster fails there is no cluster, no draft, and the reason is told."""
    fake = folder / "bin"
    fake.mkdir(mode=0o755)
    script = fake / "initdb"
    script.write_text(
        '#!/bin/sh\nmkdir "$2" && echo half > "$2/PG_VERSION"\necho "disk full" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match="disk full"):
        EmbeddedPostgres(folder, binaries=fake).start()
    assert not (folder / "postgres/cluster").exists()
    assert not list((folder / "postgres").glob("initdb-*"))
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()  # and a later start is not hindered
    server.stop()


def test_a_server_that_does_not_start_tells_its_reason(folder: Path) -> None:
    """A damaged configuration is quoted from the server's log, with the log's path."""
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()
    server.stop()
    with (folder / "postgres/cluster/postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match=r"does not start: .*server\.log"):
        EmbeddedPostgres(folder, fsync=False).start()


def test_a_second_process_attaches_and_does_not_stop_it(folder: Path) -> None:
    """Another process uses the running server and leaves it running when it ends."""
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()
    pid = postmaster(folder)
    code = (
        "import sys; from pathlib import Path; from app.embedded_pg import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start()\n"
        "print(server.owned); server.stop()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
    assert postmaster(folder) == pid
    assert ask(server, "select 1") == 1
    server.stop()
    assert not alive(pid)


def test_a_killed_owners_server_is_adopted(folder: Path) -> None:
    """After kill -9 of the process that started it, the next one uses and stops the server."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from app.embedded_pg import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1]), fsync=False).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=False)
    pid = postmaster(folder)
    assert alive(pid)
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.owned
    assert postmaster(folder) == pid
    server.stop()
    assert not alive(pid)


def test_a_crashed_server_comes_back_with_its_data(folder: Path) -> None:
    """After kill -9 of the server itself, committed rows are there again at the next start."""
    server = EmbeddedPostgres(folder)
    server.start()
    with psycopg.connect(conninfo(server.url("postgres")), autocommit=True) as connection:
        connection.execute("create table kept as select 42 as answer")
    pid = postmaster(folder)
    os.kill(pid, signal.SIGKILL)
    while alive(pid):
        os.sched_yield()
    again = EmbeddedPostgres(folder)
    again.start()
    assert ask(again, "select answer from kept") == 42
    again.stop()


def test_a_stale_lock_file_that_names_another_program_is_no_obstacle(folder: Path) -> None:
    """A lock file left by a crash may name a living stranger; the server starts all the same."""
    server = EmbeddedPostgres(folder, fsync=False)
    server.start()
    server.stop()
    stranger = subprocess.Popen(["sleep", "600"], user=(folder / "postgres/cluster").stat().st_uid)
    try:
        lock = folder / "postgres/cluster/postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{folder}/postgres/cluster\n0\n5432\n\n\n")
        os.chown(lock, lock.parent.stat().st_uid, lock.parent.stat().st_gid)
        owner = {"pid": os.getpid(), "started_ticks": 1}  # our number, another process's start
        (folder / "owner.json").write_text(json.dumps(owner))
        server.start()
        assert server.owned
        assert ask(server, "select 1") == 1
        server.stop()
    finally:
        stranger.kill()
        stranger.wait()


def test_two_that_start_at_once_make_one_cluster(folder: Path) -> None:
    """Processes started at the same moment on an empty directory share one server."""
    code = (
        "import sys; from pathlib import Path; from app.embedded_pg import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1]), fsync=False); server.start()\n"
        "print(server.owned, flush=True); sys.stdin.read(); server.stop()"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    answers = sorted(process.stdout.readline().strip() for process in both if process.stdout)
    pid = postmaster(folder)
    for process in both:
        process.communicate()
        assert process.returncode == 0
    assert answers == ["False", "True"]
    assert not alive(pid)


def test_ensure_ready_starts_makes_and_migrates(folder: Path) -> None:
    """From an empty directory to PostGIS and our tables in one call; closing stops the server."""
    with ensure_ready(DatabaseSettings(url=None, data_dir=folder, fsync=False)) as database:
        pid = postmaster(folder)
        with database.session() as session:
            version = session.connection().exec_driver_sql("select postgis_lib_version()").scalar()
            assert version
    assert not alive(pid)
