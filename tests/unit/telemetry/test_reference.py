"""The manual is what the declarations say."""

from consumer.telemetry import metrics
from consumer.telemetry.declare import DECLARED
from consumer.telemetry.reference import ROOT, reference


def test_telemetry_md_is_current() -> None:
    written = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    assert written == reference(), "run python -m consumer.telemetry.reference"


def test_every_metric_and_every_event_is_in_the_manual() -> None:
    page = reference()
    assert all(f"| `{metric.prometheus_name}` |" in page for metric in metrics.DECLARED)
    assert all(f"| `{name}` |" in page for name in DECLARED)


def test_the_manual_is_the_same_on_every_machine() -> None:
    assert all(len(values) != 1 or values[0] not in reference() for values in metrics.BUILD.labels.values())
