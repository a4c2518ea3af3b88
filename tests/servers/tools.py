"""Programs that check the chart: helm, and kubeconform with the schemas of Kubernetes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.cache import TOOLS, apt_install, call, find

KUBERNETES = "v1.33.0"
SCHEMAS = TOOLS / f"kubernetes-{KUBERNETES}"


class Tool:
    """A program that `go install` builds into the cache."""

    name: ClassVar[str]
    package: ClassVar[str]

    @classmethod
    def program(cls) -> Path | None:
        """Where it is, if it is."""
        return find(cls.name, TOOLS)

    @classmethod
    def installed(cls) -> bool:
        return cls.program() is not None

    @classmethod
    def install(cls) -> None:
        call("go", "install", cls.package, GOBIN=str(TOOLS))


class Helm(Tool):
    """Renders and lints the chart."""

    name = "helm"
    package = "helm.sh/helm/v3/cmd/helm@v3.22.0"


class Faketime(Tool):
    """A library that lets one process see another time of day."""

    name = "faketime"

    @classmethod
    def program(cls) -> Path | None:
        return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

    @classmethod
    def install(cls) -> None:
        apt_install("libfaketime")


class Kubeconform(Tool):
    """Holds manifests against the schemas of Kubernetes, which are made here from its OpenAPI document."""

    name = "kubeconform"
    package = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"

    @classmethod
    def installed(cls) -> bool:
        return super().installed() and SCHEMAS.is_dir()

    @classmethod
    def install(cls) -> None:
        if not super().installed():
            super().install()
        module = json.loads(call("go", "mod", "download", "-json", f"k8s.io/kubernetes@{KUBERNETES}"))
        swagger = json.loads((Path(module["Dir"]) / "api/openapi-spec/swagger.json").read_text())
        unfinished = SCHEMAS.with_suffix(".part")
        write_schemas(swagger["definitions"], unfinished)
        unfinished.rename(SCHEMAS)


def write_schemas(definitions: dict[str, Any], folder: Path) -> None:
    """One JSON schema for each kind, named as kubeconform asks for it, all sharing one file of definitions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_definitions.json").write_text(json.dumps({"definitions": strict(definitions)}))
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            group = kind["group"].partition(".")[0]
            file = "-".join(part for part in (kind["kind"].lower(), group, kind["version"]) if part)
            (folder / f"{file}.json").write_text(json.dumps({"$ref": f"_definitions.json#/definitions/{name}"}))


def strict(definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions without room for unknown properties, and with the two types that JSON schema cannot know."""
    closed = {
        name: {**definition, "additionalProperties": False}
        if "properties" in definition and "additionalProperties" not in definition
        else definition
        for name, definition in definitions.items()
    }
    return closed | {
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
        "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
    }
