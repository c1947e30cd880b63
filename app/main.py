"""The HTTP service: ``create_app(settings)``, and ``python -m app.main`` to run it."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from app.database import Database, DatabaseError, check_migration, ensure_ready
from app.errors import install_error_handlers
from app.log import configure_logging
from app.middleware import BodyLimit, LocalOnly, RequestContext
from app.ogc.routes import router as ogc_router
from app.pages import prediction_router
from app.pages import router as pages_router
from app.prediction_rasters import PredictionRasters
from app.progress_listener import ProgressListener
from app.repository.planning_data import PlanningDataCache
from app.routes import (
    downloads,
    events,
    features,
    library,
    plans,
    prediction_files,
    prediction_tiles,
    predictions,
    radio,
    scenarios,
    system,
    terrain,
    tiles,
)
from app.routes.dependencies import Services, reading_engine
from app.settings import Settings, check_address, load_settings
from siting.errors import InputError

logger = logging.getLogger(__name__)

DESCRIPTION = (
    "Where a city's new infrastructure goes: planning data, questions, and certified plans. "
    "Coordinates are WGS 84 longitude, latitude; money is CNY; lengths are metres; shares are "
    "0 to 1. Every error is answered as problem details (RFC 9457) and names each fault."
)

#: Time open streams get to end when the service stops [s].
STOP_GRACE_S = 3
#: Smallest answer that is compressed [bytes].
_COMPRESS_FROM = 1_000


class Service(FastAPI):
    """The application, with the request's context around everything, its own failures included."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap what the framework builds."""
        return RequestContext(LocalOnly(BodyLimit(super().build_middleware_stack())))


def routers() -> list[APIRouter]:
    """Return every router of the service, in the order they are matched."""
    return [
        system.router,
        library.router,
        features.router,
        scenarios.router,
        plans.router,
        predictions.router,
        events.router,
        prediction_files.router,
        prediction_tiles.router,
        tiles.router,
        downloads.router,
        radio.router,
        terrain.router,
        ogc_router,
        pages_router,
        prediction_router,
    ]


def create_app(settings: Settings) -> FastAPI:
    """Make the application; nothing is opened before it starts.

    Parameters
    ----------
    settings
        Where the database is, and on which address the service listens.

    Raises
    ------
    siting.errors.InputError
        When it would listen on an address that other machines reach: there is no login yet.
    """
    check_address(settings.api.host)
    app = Service(
        title="Siting",
        summary="Certified siting plans",
        description=DESCRIPTION,
        version=version("siting"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(settings),
    )
    app.add_middleware(GZipMiddleware, minimum_size=_COMPRESS_FROM, compresslevel=5)
    install_error_handlers(app)
    for router in routers():
        app.include_router(router)
    return app


def _lifespan(settings: Settings):  # noqa: ANN202 - what FastAPI asks for has no public name
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = await run_in_threadpool(open_database, settings)
            stack.callback(database.close)
            reading = reading_engine(database, settings.database.pool_size)
            stack.callback(reading.dispose)
            listener = await stack.enter_async_context(ProgressListener(database.conninfo))
            app.state.services = Services(
                settings=settings,
                database=database,
                reading=reading,
                planning=PlanningDataCache(),
                listener=listener,
                rasters=PredictionRasters(),
            )
            logger.info("ready to answer on %s", settings.api.host)
            yield

    return lifespan


def open_database(settings: Settings) -> Database:
    """Open the database that is set, or start the private one.

    Raises
    ------
    DatabaseUnavailableError
        When it does not answer or does not start.
    WrongMigrationError
        When its tables are not this version's.
    """
    url = settings.database.sqlalchemy_url
    if url is None:
        return ensure_ready(settings.database)
    database = Database(url, pool_size=settings.database.pool_size)
    try:
        check_migration(database)
    except DatabaseError:
        database.close()
        raise
    return database


def main() -> None:
    """Run the service as it is set in the environment until it is told to stop."""
    configure_logging()
    settings = load_settings()
    try:
        app = create_app(settings)
    except InputError as error:
        logger.error("%s", error)  # noqa: TRY400 - one sentence says it
        sys.exit(2)
    uvicorn.run(
        app,
        host=settings.api.host,
        port=settings.api.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_GRACE_S,
    )


if __name__ == "__main__":
    main()
