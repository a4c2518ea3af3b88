"""The service around the flow: HTTP, logs, telemetry."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from config.section import Section
from config.urls import Host, OtlpEndpoint


class HttpSettings(Section):
    """Where probes, metrics and status are served."""

    host: Host = Field("127.0.0.1", alias="HTTP_HOST", min_length=1, description="Address; 0.0.0.0 in a pod.")
    port: int = Field(8080, alias="HTTP_PORT", ge=0, le=65535, description="Port; 0 picks a free one and logs it.")


class TelemetrySettings(Section):
    """Logs and OpenTelemetry; names as its specification has them."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="LOG_LEVEL", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", alias="LOG_FORMAT", description="auto: console on a terminal, else JSON lines."
    )
    service_name: str = Field("tapestore", alias="OTEL_SERVICE_NAME", description="service.name of all telemetry.")
    resource_attributes: str = Field(
        "", alias="OTEL_RESOURCE_ATTRIBUTES", description="key=value pairs, separated by commas."
    )
    otlp_endpoint: OtlpEndpoint | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="OTLP/HTTP endpoint; unset: no traces are made.",
    )
    otlp_headers: SecretStr | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="Headers for it, key=value, separated by commas.",
    )
    traces_sampler: Literal[
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ] = Field("parentbased_always_on", alias="OTEL_TRACES_SAMPLER", description="Which traces are kept.")
    traces_sampler_arg: float = Field(
        1.0, alias="OTEL_TRACES_SAMPLER_ARG", ge=0, le=1, description="Ratio for the traceidratio samplers."
    )
    sdk_disabled: bool = Field(False, alias="OTEL_SDK_DISABLED", description="true: no traces at all.")
    slow_query_seconds: float = Field(
        1.0,
        alias="SLOW_QUERY_SECONDS",
        gt=0,
        le=3600,
        description="A statement of the store that takes longer is logged, without its values.",
    )
    lineage_seconds: float = Field(
        10.0,
        alias="LINEAGE_INTERVAL_SECONDS",
        gt=0,
        le=3600,
        description="Lineage rows are written this often, one for each dataset and partition that moved.",
    )
