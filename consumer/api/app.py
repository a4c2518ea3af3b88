"""The routes: three probes for Kubernetes, the metrics for Prometheus, the status for people."""

from __future__ import annotations

from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consumer.api.status import Check, Snapshots
from consumer.telemetry.metrics import exposition


class Readiness(BaseModel):
    """All checks; `not_ready` names those that failed and says why."""

    ok: bool
    not_ready: list[str]
    checks: list[Check]


class Started(BaseModel):
    """Whether the start is over."""

    ok: bool


def build(snapshots: Snapshots) -> Starlette:
    """The application over these snapshots; every route only reads."""

    async def livez(_: Request) -> Response:
        liveness = snapshots.liveness()
        return _told(liveness, ok=liveness.ok)

    async def readyz(_: Request) -> Response:
        checks = list(snapshots.readiness())
        faults = [f"{check.name}: {check.detail or 'not ready'}" for check in checks if not check.ok]
        return _told(Readiness(ok=not faults, not_ready=faults, checks=checks), ok=not faults)

    async def startupz(_: Request) -> Response:
        started = snapshots.started()
        return _told(Started(ok=started), ok=started)

    async def metrics(_: Request) -> Response:
        return Response(exposition(), media_type=CONTENT_TYPE_LATEST)

    async def status(_: Request) -> Response:
        return _told(snapshots.status())

    return Starlette(routes=[Route(f"/{each.__name__}", each) for each in (livez, readyz, startupz, metrics, status)])


def _told(what: BaseModel, *, ok: bool = True) -> Response:
    code = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(what.model_dump_json(), code, media_type="application/json")
