# The service in a container, by the same scripts as everywhere else. Not built by the tests.
# It listens on the loopback address alone, because there is no login yet: run it in the host's
# network, as compose.yaml does.
FROM debian:12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

# What changes seldom first: system packages and pinned Python packages.
WORKDIR /srv/siting
COPY pyproject.toml README.md LICENSE NOTICE requirements.txt requirements-dev.txt ./
COPY scripts scripts
COPY data data
COPY alembic alembic
COPY siting siting
COPY app app
RUN bash -c '. scripts/_env.sh && env_runtime' \
    && rm -rf /var/lib/apt/lists/* /root/.cache

# An ordinary user runs service and database; the volume keeps the database.
RUN useradd --system --create-home siting \
    && install -d -o siting -g siting -m 0700 /var/lib/siting
USER siting
ENV SITING_DATA_DIR=/var/lib/siting PYTHONUNBUFFERED=1
VOLUME /var/lib/siting
STOPSIGNAL SIGINT
CMD ["scripts/serve"]
