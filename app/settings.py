"""What an operator can set, one class per concern, read from ``SITING_...`` variables.

Nothing is read when this module is imported: build a :class:`Settings` at the entry point and
pass it on.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from siting.errors import InputError, Problem

_CONFIG = SettingsConfigDict(
    env_prefix="SITING_",
    env_ignore_empty=True,
    frozen=True,
    populate_by_name=True,
    hide_input_in_errors=True,  # an address may hold a password
)


def default_data_dir() -> Path:
    """Return where the private database lives when nothing is set.

    Below the user's data directory (``XDG_DATA_HOME``); for root below ``/var/lib``, since the
    server then runs as the user ``postgres``, who cannot enter root's home.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/siting")
    home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / "siting"


class DatabaseSettings(BaseSettings):
    """Which database: a server of one's own by `url`, else a private one below `data_dir`."""

    model_config = _CONFIG

    url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("url", "SITING_DATABASE_URL", "DATABASE_URL"),
        description="postgresql://user@host/name or postgresql:///name?host=/socket/directory; "
        "without it a private PostGIS is started",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Directory of the private PostGIS; made when missing",
    )
    fsync: bool = Field(
        default=True,
        validation_alias=AliasChoices("fsync", "SITING_DATABASE_FSYNC"),
        description="Private PostGIS: survive a power cut; off for throw-away databases only",
    )
    pool_size: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10,
        validation_alias=AliasChoices("pool_size", "SITING_DATABASE_POOL_SIZE"),
        description="Connections kept open per process",
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _parse_url(value.get_secret_value())
        return value

    @field_validator("data_dir")
    @classmethod
    def _is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def sqlalchemy_url(self) -> URL | None:
        """The given address for SQLAlchemy's psycopg driver, or None for the private database."""
        return None if self.url is None else _parse_url(self.url.get_secret_value())


def _parse_url(text: str) -> URL:
    """Read a database address; the message never repeats it, for it may hold a password."""
    form = "write postgresql://user@host/name or postgresql:///name?host=/socket/directory"
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(f"is not a database address; {form}") from None
    if url.drivername.partition("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError(f"names the system {url.drivername!r}, only postgresql will do; {form}")
    if url.drivername.partition("+")[2] not in {"", "psycopg"}:
        raise ValueError(f"names the driver of {url.drivername!r}; leave it out; {form}")
    if not url.database:
        raise ValueError(f"names no database; {form}")
    return url.set(drivername="postgresql+psycopg")


class ApiSettings(BaseSettings):
    """Where the HTTP service listens."""

    model_config = _CONFIG

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on; there is no login yet, so keep to this machine",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000, description="Port to listen on; 0 takes any free one"
    )


class WorkerSettings(BaseSettings):
    """How plans and predictions are computed in the background."""

    model_config = SettingsConfigDict(
        env_prefix="SITING_WORKER_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Computed at the same time, each in a process of its own"
    )
    memory_mb: Annotated[int, Field(ge=256)] = Field(
        default=8192, description="Most memory one computation may use [MB]"
    )
    poll_s: Annotated[float, Field(gt=0, le=10)] = Field(
        default=1.0, description="Pause between looks at the queue when nothing is notified [s]"
    )
    cancel_poll_s: Annotated[float, Field(gt=0, le=2)] = Field(
        default=0.3, description="Pause between looks at a running plan's cancel flag [s]"
    )
    stop_grace_s: Annotated[float, Field(ge=0, le=60)] = Field(
        default=8.0,
        description="A search stops within 3 s when told to; one that does not is ended after "
        "this time, and its plan is lost [s]",
    )
    finish_grace_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=60.0, description="Time to verify and store the best plan of a stopped search [s]"
    )
    heartbeat_s: Annotated[float, Field(gt=0, le=30)] = Field(
        default=1.5, description="Pause between a worker's signs of life [s]"
    )
    stale_after_s: Annotated[float, Field(gt=0, le=600)] = Field(
        default=7.0, description="A worker silent for longer is taken for dead [s]"
    )
    max_attempts: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3,
        description="Times a computation is tried when its workers die, before it is given up",
    )

    @field_validator("stale_after_s")
    @classmethod
    def _outlasts_the_heartbeat(cls, value: float, info: ValidationInfo) -> float:
        heartbeat_s = info.data.get("heartbeat_s", 0.0)
        if value < 3 * heartbeat_s:
            raise ValueError(
                f"is {value:g} s, but must be at least three heartbeats ({3 * heartbeat_s:g} s), "
                "or living workers would be taken for dead"
            )
        return value


class Settings(BaseModel):
    """Everything that can be set, by concern."""

    model_config = ConfigDict(frozen=True)

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)


def load_settings() -> Settings:
    """Read every setting from the environment.

    Raises
    ------
    siting.errors.InputError
        With every faulty variable of a concern and what it may be.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise InputError(
            [
                Problem(
                    f"setting {'.'.join(map(str, item['loc']))} of {error.title}",
                    item["msg"].removeprefix("Value error, "),
                    "correct the environment variable; docs/guides/install.md lists them",
                )
                for item in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def check_address(host: str) -> None:
    """Refuse an address that other machines reach; there is no login yet.

    Raises
    ------
    siting.errors.InputError
        When `host` is not this machine's own loopback address.
    """
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise InputError(
        Problem(
            "SITING_HOST",
            f"{host!r} can be reached from other machines, and there is no login yet",
            "listen on 127.0.0.1, ::1 or localhost; let others in through an SSH tunnel",
        )
    )


def child_environment(settings: Settings) -> dict[str, str]:
    """Return this process's environment with `settings` in it, for processes we start.

    A child that calls :func:`load_settings` gets equal settings.
    """
    database, worker = settings.database, settings.worker
    own: dict[str, object] = {
        "DATABASE_URL": "" if database.url is None else database.url.get_secret_value(),
        "SITING_DATA_DIR": database.data_dir,
        "SITING_DATABASE_FSYNC": database.fsync,
        "SITING_DATABASE_POOL_SIZE": database.pool_size,
        "SITING_HOST": settings.api.host,
        "SITING_PORT": settings.api.port,
        **{f"SITING_WORKER_{name.upper()}": value for name, value in worker.model_dump().items()},
    }
    inherited = {name: value for name, value in os.environ.items() if name != "SITING_DATABASE_URL"}
    return {**inherited, **{name: str(value) for name, value in own.items()}}
