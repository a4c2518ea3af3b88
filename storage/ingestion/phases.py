"""What builds and runs report, as documents: one for each image or run, and one for what remains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Report = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_OUTCOMES = {"successful_runs": "successful", "failed_runs": "failed"}
_PER_IMAGE = {"built_images": "image_details", "built_models": "model"}


def build_documents(manifest: Report) -> list[Any]:
    """One document for each image that a build manifest names under `built_images` and `built_models`.

    What else the manifest holds is one document more. A manifest of another shape is one document, a list
    of them one for each.
    """
    if not isinstance(manifest, Mapping):
        return list(manifest)
    parts = {name: manifest[name] for name in _PER_IMAGE if isinstance(manifest.get(name), Mapping)}
    images = dict.fromkeys(image for part in parts.values() for image in part)
    documents = [{"phase": "build", "image": image, **_about(image, parts)} for image in images]
    return [*documents, *_rest("build", manifest, parts)]


def run_documents(summary: Report) -> list[Any]:
    """One document for each run that a summary lists under `successful_runs` and `failed_runs`.

    Each says its `phase` and its `outcome` where it does not itself. The rest is as in `build_documents`.
    """
    if not isinstance(summary, Mapping):
        return list(summary)
    parts = {name: summary[name] for name in _OUTCOMES if isinstance(summary.get(name), list)}
    documents = [_run(run, _OUTCOMES[name]) for name, runs in parts.items() for run in runs]
    return [*documents, *_rest("run", summary, parts)]


def _about(image: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    return {_PER_IMAGE[name]: part[image] for name, part in parts.items() if image in part}


def _run(run: Any, outcome: str) -> Any:
    return {"phase": "run", "outcome": outcome, **run} if isinstance(run, Mapping) else run


def _rest(phase: str, report: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if rest := {name: value for name, value in report.items() if name not in parts}:
        yield {"phase": phase, **rest}
