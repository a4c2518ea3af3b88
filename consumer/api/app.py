"""The routes: three probes for Kubernetes, the metrics for Prometheus, the status for people."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from consumer.api.status import Check, Liveness, Snapshots, Status
from consumer.telemetry.metrics import exposition


class Readiness(BaseModel):
    """All checks; `not_ready` names those that failed and says why."""

    ok: bool
    not_ready: list[str]
    checks: list[Check]


class Started(BaseModel):
    """Whether the start is over."""

    ok: bool


def build(snapshots: Snapshots) -> FastAPI:
    """The application over these snapshots; every route only reads."""
    app = FastAPI(title="tapestore", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/livez")
    async def livez(response: Response) -> Liveness:
        liveness = snapshots.liveness()
        response.status_code = _code(ok=liveness.ok)
        return liveness

    @app.get("/readyz")
    async def readyz(response: Response) -> Readiness:
        checks = list(snapshots.readiness())
        faults = [f"{check.name}: {check.detail or 'not ready'}" for check in checks if not check.ok]
        response.status_code = _code(ok=not faults)
        return Readiness(ok=not faults, not_ready=faults, checks=checks)

    @app.get("/startupz")
    async def startupz(response: Response) -> Started:
        started = snapshots.started()
        response.status_code = _code(ok=started)
        return Started(ok=started)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(exposition(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/status")
    async def status() -> Status:
        return snapshots.status()

    return app


def _code(*, ok: bool) -> int:
    return HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
