# The build stage has pip and a compiler for the one extension of our own, the final one has neither; every dependency
# comes as a wheel.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
RUN command -v gcc || { apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev; }
RUN python -m venv /opt/tapestore
WORKDIR /src
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tapestore/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY storage storage
COPY consumer consumer
RUN /opt/tapestore/bin/pip install --no-index --no-deps --no-build-isolation . \
    && /opt/tapestore/bin/pip uninstall --yes setuptools pip \
    && /opt/tapestore/bin/python -m compileall -q /opt/tapestore/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="tapestore" \
      org.opencontainers.image.description="Records markets: from the message bus to per-symbol collections, with nothing lost and the proof of it." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN install -d -o 10001 -g 10001 /var/lib/tapestore
COPY --from=build /opt/tapestore /opt/tapestore
ENV PATH=/opt/tapestore/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOCAL_PATH=/var/lib/tapestore \
    HTTP_HOST=0.0.0.0
WORKDIR /var/lib/tapestore
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["tapestore"]
CMD ["run"]
