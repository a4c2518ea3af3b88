"""helm/tapestore/values.schema.json, with `settings` from the same models as the service reads.

`python -m helm.values_schema` writes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from config.reference import json_schema

FILE = Path(__file__).parent / "tapestore" / "values.schema.json"

SET_BY_THE_CHART = frozenset({"HTTP_HOST", "HTTP_PORT", "LOCAL_PATH"})
URLS_THAT_MAY_BE_PUBLIC = frozenset({"NATS_URL", "MONGODB_URI"})

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}
ANYTHING: Schema = {"type": "object"}
LIST: Schema = {"type": "array", "items": ANYTHING}
QUANTITY: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(m|[kMGTPE]i?)?$"}
NAME: Schema = {"type": "string", "pattern": r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$"}


def whole(least: int, most: int) -> Schema:
    """An integer from least to most."""
    return {"type": "integer", "minimum": least, "maximum": most}


def closed(**properties: Schema) -> Schema:
    """An object with these properties and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def values_schema() -> Schema:
    """The schema of the whole of values.yaml."""
    keys: Schema = json_schema()["properties"]
    probe = closed(periodSeconds=whole(1, 300), timeoutSeconds=whole(1, 60), failureThreshold=whole(1, 1000))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the tapestore chart",
        **closed(
            replicaCount=whole(0, 1000),
            image=closed(
                repository={"type": "string", "minLength": 1},
                tag=TEXT,
                digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
                pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
            ),
            imagePullSecrets=LIST,
            nameOverride=TEXT,
            fullnameOverride=TEXT,
            settings=closed(**settings(keys)),
            existingSecret=NAME,
            secretKeys={
                "type": "object",
                "propertyNames": {"enum": sorted(set(keys) - SET_BY_THE_CHART)},
                "additionalProperties": closed(name=NAME, key={"type": "string", "minLength": 1})
                | {"required": ["name", "key"]},
            },
            extraEnv=LIST,
            terminationGracePeriodSeconds=whole(1, 3600),
            http=closed(port=whole(1024, 65535)),
            service=closed(type={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}, annotations=LABELS),
            persistence=closed(existingClaim=NAME, sizeLimit=QUANTITY),
            resources=ANYTHING,
            probes=closed(startup=probe, liveness=probe, readiness=probe),
            podAnnotations=LABELS,
            podLabels=LABELS,
            priorityClassName=NAME,
            nodeSelector=LABELS,
            tolerations=LIST,
            affinity=ANYTHING,
            topologySpreadConstraints=LIST,
            extraVolumes=LIST,
            extraVolumeMounts=LIST,
            **{"global": ANYTHING},  # Helm itself adds it
        ),
    }


def settings(keys: Schema) -> Schema:
    """The settings that may stand in a ConfigMap: no secrets, and URLs only without credentials."""
    public = {name: schema for name, schema in keys.items() if name not in SET_BY_THE_CHART and not _secret(schema)}
    urls = {name: {**keys[name], "pattern": "^[^@]*$"} for name in sorted(URLS_THAT_MAY_BE_PUBLIC)}
    return public | {
        name: {word: schema[word] for word in schema if word != "writeOnly"} for name, schema in urls.items()
    }


def _secret(schema: Schema) -> bool:
    return bool(schema.get("writeOnly"))


def text() -> str:
    """The file's text."""
    return json.dumps(values_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
