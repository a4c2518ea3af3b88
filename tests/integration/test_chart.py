"""The chart: what Helm and Kubernetes say of it, and that the service understands what it is given."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Settings, load
from tests.servers import Helm, Kubeconform, Tool
from tests.servers.tools import KUBERNETES, SCHEMAS

pytestmark = pytest.mark.tools

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "tapestore"
README = ROOT / "README.md"
Render = Callable[[dict[str, Any]], "subprocess.CompletedProcess[str]"]
Manifests = dict[str, dict[str, Any]]

VALUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "mongodb with a secret": {"existingSecret": "tapestore", "replicaCount": 3},
    "kafka with the secrets of others": {
        "settings": {"SOURCE": "kafka", "KAFKA_TOPICS": ["market", "more"], "MAX_IN_FLIGHT_MESSAGES": 10_000_000},
        "secretKeys": {"MONGODB_URI": {"name": "market-mongodb-app", "key": "connectionString.standard"}},
    },
    "local store on a claim": {"settings": {"STORE": "local"}, "persistence": {"existingClaim": "tape"}},
    "everything that a cluster may ask for": {
        "image": {"repository": "registry.example/tapestore", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/certificates/ca.crt"}],
        "extraVolumes": [{"name": "certificates", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "certificates", "mountPath": "/certificates"}],
        "podAnnotations": {"prometheus.io/scrape": "true"},
        "podLabels": {"team": "market-data"},
        "priorityClassName": "high",
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "service": {"annotations": {"owner": "market-data"}},
    },
}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown value": ({"replicas": 2}, "replicas"),
    "unknown setting": ({"settings": {"NATS_SUBJEKT": "x"}}, "NATS_SUBJEKT"),
    "setting out of range": ({"settings": {"BATCH_MAX_MESSAGES": 0}}, "BATCH_MAX_MESSAGES"),
    "setting of the wrong type": ({"settings": {"MONGODB_PORT": "tcp://10.0.0.1:27017"}}, "MONGODB_PORT"),
    "password in a ConfigMap": ({"settings": {"MYSQL_PASSWORD": "secret"}}, "MYSQL_PASSWORD"),
    "URL with a password in a ConfigMap": ({"settings": {"MONGODB_URI": "mongodb://u:p@db"}}, "MONGODB_URI"),
    "setting that the chart sets": ({"settings": {"LOCAL_PATH": "/data"}}, "LOCAL_PATH"),
    "secret for no setting": ({"secretKeys": {"MONGO_URI": {"name": "a", "key": "b"}}}, "MONGO_URI"),
    "secret without its key": ({"secretKeys": {"MONGODB_URI": {"name": "a"}}}, "key"),
    "setting given twice": (
        {"settings": {"MYSQL_USER": "a"}, "secretKeys": {"MYSQL_USER": {"name": "a", "key": "b"}}},
        "MYSQL_USER is in settings and in secretKeys",
    ),
    "grace period that the drain uses up": ({"terminationGracePeriodSeconds": 20}, "settings.DRAIN_SECONDS (20)"),
    "drain longer than the grace period": ({"settings": {"DRAIN_SECONDS": 60}}, "settings.DRAIN_SECONDS (60)"),
    "revoke longer than the grace period": (
        {"settings": {"SOURCE": "kafka", "KAFKA_REVOKE_SECONDS": 50}},
        "settings.KAFKA_REVOKE_SECONDS (50)",
    ),
    "local store that ends with the pod": ({"settings": {"STORE": "local"}}, "persistence.existingClaim"),
    "local store with two writers": (
        {"settings": {"STORE": "local"}, "persistence": {"existingClaim": "tape"}, "replicaCount": 2},
        "replicaCount must be 1",
    ),
    "port that only root may open": ({"http": {"port": 80}}, "port"),
    "digest that is none": ({"image": {"digest": "latest"}}, "digest"),
}


@pytest.fixture
def helm() -> Path:
    return _program(Helm)


@pytest.fixture
def render(helm: Path, tmp_path: Path) -> Render:
    def template(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "values.yaml"
        file.write_text(json.dumps(values))
        return _run(helm, "template", "tape", CHART, "--values", file, "--kube-version", KUBERNETES)

    return template


def test_helm_finds_no_fault(helm: Path) -> None:
    done = _run(helm, "lint", "--strict", CHART, "--kube-version", KUBERNETES)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_kubernetes_knows_every_field(values: dict[str, Any], render: Render) -> None:
    rendered = render(values)
    assert rendered.returncode == 0, rendered.stderr

    done = _conform(rendered.stdout)

    assert done.returncode == 0, done.stdout
    assert "Valid: 3, Invalid: 0, Errors: 0, Skipped: 0" in done.stdout


def test_a_field_that_kubernetes_does_not_know_is_found(render: Render) -> None:
    """Or the test above would prove nothing."""
    done = _conform(render({}).stdout.replace("enableServiceLinks:", "enableServiceLink:"))

    assert done.returncode == 1
    assert "additional properties 'enableServiceLink' not allowed" in done.stdout


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_service_understands_its_configmap(values: dict[str, Any], render: Render) -> None:
    environment = _manifests(render(values))["ConfigMap"]["data"]

    settings = load(environment)

    assert settings.http.host == "0.0.0.0"
    assert settings.local.path == Path("/var/lib/tapestore")
    assert settings.source == values.get("settings", {}).get("SOURCE", "jetstream")


def test_large_numbers_and_lists_arrive_as_they_were_meant(render: Render) -> None:
    environment = _manifests(render(VALUES["kafka with the secrets of others"]))["ConfigMap"]["data"]

    assert environment["MAX_IN_FLIGHT_MESSAGES"] == "10000000"
    assert environment["KAFKA_TOPICS"] == "market,more"


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_values_are_refused(values: dict[str, Any], message: str, render: Render) -> None:
    done = render(values)

    assert done.returncode != 0
    assert message in done.stderr


def test_pod_asks_for_no_more_than_the_restricted_profile_allows(render: Render) -> None:
    pod = _pod(_manifests(render({})))
    container = pod["containers"][0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/var/lib/tapestore", "/tmp"}


def test_the_readmes_command_installs_what_it_says(helm: Path) -> None:
    command = re.search(r"^helm install ((?:.*\\\n)*.*)$", README.read_text(), re.MULTILINE)
    assert command is not None
    words = shlex.split(command[1].replace("\\\n", "").replace("helm/tapestore", str(CHART)))
    manifests = _manifests(_run(helm, "template", *words, "--kube-version", KUBERNETES))

    settings = load(manifests["ConfigMap"]["data"])

    assert settings.source == "kafka"
    assert settings.kafka.topics == ("market",)
    assert {"secretRef": {"name": "tapestore"}} in _pod(manifests)["containers"][0]["envFrom"]


def test_no_probe_kills_a_pod_because_a_server_is_away(render: Render) -> None:
    container = _pod(_manifests(render({})))["containers"][0]

    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def test_pod_waits_longer_than_the_service_drains_by_default(render: Render) -> None:
    manifests = _manifests(render({"settings": {"DRAIN_SECONDS": None}}))

    settings = load(manifests["ConfigMap"]["data"])

    assert "DRAIN_SECONDS" not in manifests["ConfigMap"]["data"]
    assert _pod(manifests)["terminationGracePeriodSeconds"] > settings.batch.drain_seconds
    assert settings.batch.drain_seconds == Settings().batch.drain_seconds == 20  # as the chart's check supposes


def test_pod_restarts_when_a_setting_changes(render: Render) -> None:
    checksums = {
        _manifests(render({"settings": {"MARKET": market}}))["Deployment"]["spec"]["template"]["metadata"][
            "annotations"
        ]["checksum/config"]
        for market in ("spot", "futures")
    }

    assert len(checksums) == 2


def test_secrets_reach_the_pod_by_reference(render: Render) -> None:
    values = {"existingSecret": "mine", "secretKeys": {"MONGODB_URI": {"name": "theirs", "key": "uri"}}}

    container = _pod(_manifests(render(values)))["containers"][0]

    assert {"secretRef": {"name": "mine"}} in container["envFrom"]
    assert container["env"] == [
        {"name": "MONGODB_URI", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "uri"}}}
    ]


def _program(tool: type[Tool]) -> Path:
    program = tool.program()
    if program is None or not tool.installed():
        pytest.skip(f"{tool.name} is not installed: python -m tests.servers.install {tool.name}")
    return program


def _conform(manifests: str) -> subprocess.CompletedProcess[str]:
    schemas = f"{SCHEMAS}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    return _run(_program(Kubeconform), "-strict", "-summary", "-schema-location", schemas, text=manifests)


def _run(program: Path, *arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False)


def _manifests(rendered: subprocess.CompletedProcess[str]) -> Manifests:
    assert rendered.returncode == 0, rendered.stderr
    return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(rendered.stdout)}


def _pod(manifests: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec
