"""A private PostGIS cluster run from the distribution's own binaries.

The server listens on a unix socket only, in a directory of mode 0700 that belongs to the user it
runs as, so whoever can connect could read its files anyway; no password is kept. Started by root
it runs as the user ``postgres``. The process that starts the cluster stops it; others attach. A
cluster left behind by a killed process is adopted by the next one that starts. Nothing below
``/etc/postgresql`` and no other cluster is ever touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from siting.errors import SitingError

logger = logging.getLogger(__name__)

INSTALL_HINT = "install it: apt-get install -y postgresql-postgis"
PORT = 5432
#: Longest path a unix socket may have on Linux [bytes].
MAX_SOCKET_PATH_BYTES = 107
_SUPERUSER = "postgres"
_START_TIMEOUT_S = 60
_LIBRARY = Path("/usr/lib/postgresql")
_SHARE = Path("/usr/share/postgresql")


class EmbeddedPostgresError(SitingError):
    """The private PostGIS cannot be used; the message says why and what to do."""


def find_binaries(
    major: int | None = None, *, library: Path = _LIBRARY, share: Path = _SHARE
) -> Path:
    """Return the directory of the newest PostgreSQL programs that have PostGIS beside them.

    Parameters
    ----------
    major
        Only this major version will do, or None for the newest.
    library, share
        Where the distribution keeps programs and extensions, a directory per major version.

    Raises
    ------
    EmbeddedPostgresError
        When there is none; the message holds the command that installs it.
    """
    found = {
        int(bin_dir.parent.name): bin_dir
        for bin_dir in library.glob("*/bin")
        if bin_dir.parent.name.isdigit()
        and (bin_dir / "initdb").exists()
        and (share / bin_dir.parent.name / "extension" / "postgis.control").exists()
    }
    if not found:
        raise EmbeddedPostgresError(
            f"no PostgreSQL with PostGIS below {library}; {INSTALL_HINT}, "
            "or set SITING_DATABASE_URL to a server of your own"
        )
    if major is None:
        return found[max(found)]
    if major not in found:
        raise EmbeddedPostgresError(
            f"the private database was made by PostgreSQL {major}, but only "
            f"{', '.join(map(str, sorted(found)))} with PostGIS is installed here; install it: "
            f"apt-get install -y postgresql-{major}-postgis-3, or move the data directory away "
            "to start with an empty database"
        )
    return found[major]


@dataclass(frozen=True, slots=True)
class _ServerUser:
    """The system user the server runs as, and how to start programs as that user."""

    uid: int
    gid: int
    switch: bool

    @classmethod
    def current(cls) -> _ServerUser:
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switch=False)
        try:
            entry = pwd.getpwnam(_SUPERUSER)
        except KeyError:
            raise EmbeddedPostgresError(
                "root cannot run PostgreSQL and there is no user 'postgres' to run it as; "
                f"{INSTALL_HINT}"
            ) from None
        return cls(entry.pw_uid, entry.pw_gid, switch=True)

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, in the C locale, away from our terminal."""
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        return subprocess.run(  # noqa: S603 - the distribution's own programs, no shell
            [str(part) for part in command],
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )

    def own(self, path: Path) -> None:
        if self.switch:
            os.chown(path, self.uid, self.gid)


class EmbeddedPostgres:
    """One private cluster below a data directory.

    Parameters
    ----------
    data_dir
        Directory the cluster lives in; made when missing.
    socket_dir
        Directory of the unix socket; by default a short one made from `data_dir`.
    fsync
        False gives up safety against a power cut, for databases of tests.
    binaries
        Directory of the PostgreSQL programs; by default the distribution's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        socket_dir: Path | None = None,
        fsync: bool = True,
        binaries: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.base = self.data_dir / "postgres"
        self.cluster = self.base / "cluster"
        self.log = self.base / "server.log"
        self.socket_dir = socket_dir or default_socket_dir(self.data_dir)
        self.owned = False
        self._fsync = fsync
        self._given_binaries = binaries
        self._owner_file = self.data_dir / "owner.json"

    def url(self, database: str) -> URL:
        """Return the address of a database of this cluster."""
        return URL.create(
            "postgresql+psycopg",
            username=_SUPERUSER,
            database=database,
            query={"host": str(self.socket_dir)},
        )

    def start(self) -> None:
        """Start the cluster, or attach to it when it runs already; make it when there is none.

        Raises
        ------
        EmbeddedPostgresError
            When PostGIS is not installed, the data are of a version that is not installed, a
            directory cannot be used, the socket's path is too long, or the server does not start.
        """
        started = time.monotonic()
        self._check_socket_path()
        user = _ServerUser.current()
        binaries = self._binaries()
        self._make_base(user)
        with self._lock():
            self._make_socket_dir(user)
            if not (self.cluster / "PG_VERSION").exists():
                self._initialise(user, binaries)
            running = self._running(user)
            if running:
                self._await_ready(user, binaries)
            else:
                self._launch(user, binaries)
            if not running or not self.owner_lives():
                self._owner_file.write_text(json.dumps(_identity(os.getpid())))
                self.owned = True
        verb = "attached to" if running else "started"
        logger.info("%s private PostGIS in %.2f s", verb, time.monotonic() - started)

    def stop(self) -> None:
        """Stop the cluster when this object started or adopted it; else leave it alone.

        Raises
        ------
        EmbeddedPostgresError
            When the server does not stop.
        """
        if not self.owned:
            return
        user = _ServerUser.current()
        with self._lock():
            control = self._binaries() / "pg_ctl"
            done = user.run([control, "stop", "-D", self.cluster, "-m", "fast", "-w"])
            if self._running(user):
                raise EmbeddedPostgresError(f"the server does not stop: {_last(done.stderr)}")
            self._owner_file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # a newer server may use the same directory
                self.socket_dir.rmdir()
            self.owned = False
        logger.info("stopped private PostGIS")

    def _binaries(self) -> Path:
        if self._given_binaries is not None:
            return self._given_binaries
        version = self.cluster / "PG_VERSION"
        try:
            major = int(version.read_text()) if version.exists() else None
        except PermissionError:
            raise self._unusable(self.cluster, "it cannot be read") from None
        return find_binaries(major)

    def _check_socket_path(self) -> None:
        path = f"{self.socket_dir}/.s.PGSQL.{PORT}"
        if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
            raise EmbeddedPostgresError(
                f"the socket's path {path} has {len(os.fsencode(path))} bytes, a unix socket may "
                f"have at most {MAX_SOCKET_PATH_BYTES}; set XDG_RUNTIME_DIR or TMPDIR to a "
                "shorter directory"
            )

    def _make_base(self, user: _ServerUser) -> None:
        try:
            self.base.mkdir(parents=True, exist_ok=True, mode=0o755)
            user.own(self.base)
            probe = user.run(["/bin/sh", "-c", 'test -w "$0" && test -x "$0"', self.base])
        except OSError as error:
            raise self._unusable(self.data_dir, error.strerror or str(error)) from None
        if probe.returncode != 0:
            who = "the user 'postgres'" if user.switch else "this user"
            raise self._unusable(self.base, f"{who} cannot write to it or cannot reach it")

    def _unusable(self, path: Path, why: str) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"{path} cannot hold the private database: {why}; make it writable or set "
            "SITING_DATA_DIR to another directory"
        )

    def _make_socket_dir(self, user: _ServerUser) -> None:
        try:
            self.socket_dir.mkdir(parents=True, mode=0o700)
            user.own(self.socket_dir)
        except FileExistsError:
            pass
        except OSError as error:
            raise self._unusable(self.socket_dir, error.strerror or str(error)) from None
        found = self.socket_dir.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != user.uid:
            raise EmbeddedPostgresError(
                f"{self.socket_dir} is not a private directory of the user the database runs as "
                f"(owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}); remove it"
            )

    def _initialise(self, user: _ServerUser, binaries: Path) -> None:
        """Make the cluster beside its place, then rename: a fault leaves nothing half-made."""
        for leftover in self.base.glob("initdb-*"):
            shutil.rmtree(leftover)
        draft = self.base / f"initdb-{os.getpid()}"
        try:
            done = user.run(
                [
                    *(binaries / "initdb", "--pgdata", draft, "--username", _SUPERUSER),
                    *("--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust"),
                    *([] if self._fsync else ["--no-sync"]),
                ]
            )
            if done.returncode != 0:
                raise EmbeddedPostgresError(
                    f"initdb failed: {_last(done.stderr)}; mend this and start again"
                )
            draft.rename(self.cluster)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _launch(self, user: _ServerUser, binaries: Path) -> None:
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "128MB",
            "jit": "off",
            "log_min_messages": "warning",
            "timezone": "UTC",
        }
        if not self._fsync:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        text = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in options.items())
        done = user.run(
            [
                *(binaries / "pg_ctl", "start", "-D", self.cluster, "-w"),
                *("-t", str(_START_TIMEOUT_S), "-l", self.log, "-o", text),
            ]
        )
        if done.returncode != 0:
            try:
                reason = _last(self.log.read_text(errors="replace"))
            except OSError:
                reason = _last(done.stderr)
            raise EmbeddedPostgresError(
                f"the private database does not start: {reason}; its log is {self.log}"
            )

    def _running(self, user: _ServerUser) -> bool:
        """Say whether our server runs, by its own lock file; remove one that misleads.

        After a crash the number in the lock files may belong to another program, or to the dead
        server that nobody has reaped yet; the server would then refuse to start.
        """
        shown = user.run(["/bin/cat", self.cluster / "postmaster.pid"])
        lines = shown.stdout.splitlines()
        if shown.returncode != 0 or not lines:
            return False
        try:
            command = Path(f"/proc/{int(lines[0])}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return False  # no such process: the server sees that itself
        if os.fsencode(self.cluster) in command:
            return True
        self._await_orphans(lines)
        socket_lock = self.socket_dir / f".s.PGSQL.{PORT}.lock"
        user.run(["/bin/rm", "-f", self.cluster / "postmaster.pid", socket_lock])
        return False

    def _await_orphans(self, lock_lines: Sequence[str]) -> None:
        """Wait until no session of a crashed server is attached to its shared memory any more."""
        numbers = lock_lines[6].split() if len(lock_lines) > 6 else []  # noqa: PLR2004 - key and id are its 7th line
        deadline = time.monotonic() + _START_TIMEOUT_S
        while len(numbers) == 2 and _attached(int(numbers[1])):  # noqa: PLR2004
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    "the private database crashed and one of its sessions still runs; end the "
                    f"processes named 'postgres' that use {self.cluster}, then start again"
                )
            time.sleep(0.1)

    def _await_ready(self, user: _ServerUser, binaries: Path) -> None:
        """Wait for a server that another process has just begun to start."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        probe = [binaries / "pg_isready", "-q", "-h", self.socket_dir, "-p", str(PORT)]
        while user.run(probe).returncode != 0:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"the private database runs but does not answer in {self.socket_dir}; "
                    f"its log is {self.log}"
                )
            time.sleep(0.1)

    def owner_lives(self) -> bool:
        """Say whether the process that started or adopted the cluster still runs."""
        try:
            recorded = json.loads(self._owner_file.read_text())
            return recorded == _identity(int(recorded["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time start or stop; the kernel frees the lock of a dead one."""
        with (self.data_dir / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def default_socket_dir(data_dir: Path) -> Path:
    """Return a short private directory for the socket of the cluster in `data_dir`.

    Below the user's runtime directory when there is one, else below the temporary directory; for
    root always the latter, because the server runs as another user.
    """
    name = f"siting-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:10]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.geteuid() != 0 and runtime.startswith("/") and os.access(runtime, os.W_OK):
        return Path(runtime) / name
    return Path(tempfile.gettempdir()) / name


def _attached(segment: int) -> bool:
    """Say whether a process is attached to a System V shared memory segment."""
    table = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return any(int(row[1]) == segment and int(row[6]) > 0 for row in table)


def _identity(pid: int) -> dict[str, int]:
    """Name a living process so that a later one with the same number is told apart.

    Raises
    ------
    OSError
        When there is no such process.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {"pid": pid, "started_ticks": int(fields[19])}


def _last(text: str) -> str:
    """Return the last line that says something, without the log's time stamp."""
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "error", "ERROR"))]
    return (telling or lines or ["no message"])[-1].strip()
