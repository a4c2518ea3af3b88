"""The manual of the settings, written by the models: docs/configuration.md, .env.example and a JSON schema.

`python -m config.reference` writes the two files into the repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.keys import FALLBACKS, KEYS, Key, sections
from config.load import FILE_KEY
from config.rules import RULES

ROOT = Path(__file__).parent.parent

_INTRODUCTION = f"""\
# Configuration

<!-- Written by `python -m config.reference` from the models in config/. Change those, then run it again. -->

Every setting is an environment variable. A TOML file named by `{FILE_KEY}` may hold the same keys, flat, with
lists where values are separated by commas here; unknown keys in it are refused. The environment wins over the file,
and an empty value is an unset one. All mistakes are reported at once, with exit code 78.

`tapestore config show` prints what is in force and where it came from, without secrets; `tapestore config validate`
checks it; `tapestore config schema` prints a JSON schema of the file.

In Kubernetes set `enableServiceLinks: false`: else a service called `mongodb` puts `MONGODB_PORT=tcp://…` into the
environment of every pod.
"""
_EXAMPLE_INTRODUCTION = f"""\
# Every setting with its default; see docs/configuration.md.
# Written by `python -m config.reference` from the models in config/.

# A TOML file that holds the same keys (path)
#{FILE_KEY}=
"""


def configuration() -> str:
    """The text of docs/configuration.md."""
    return "\n".join([_INTRODUCTION, *map(_section, _grouped()), _fallbacks(), _rules()])


def env_example() -> str:
    """The text of .env.example: every key commented out, at its default."""
    return "\n".join([_EXAMPLE_INTRODUCTION, *map(_example_section, _grouped())])


def json_schema() -> dict[str, Any]:
    """The JSON schema of the TOML file."""
    fallbacks = {name: _fallback_schema(key, name) for key, name in FALLBACKS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of tapestore",
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: dict(key.schema) for key in KEYS.values()} | fallbacks,
    }


def _grouped() -> Iterator[tuple[str, list[Key]]]:
    for section, model in sections():
        title = "General" if not section else (model.__doc__ or section).splitlines()[0].rstrip(".")
        yield title, [key for key in KEYS.values() if key.section == section]


def _section(group: tuple[str, list[Key]]) -> str:
    title, keys = group
    head = f"## {title}\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n"
    return head + "".join(map(_row, keys))


def _row(key: Key) -> str:
    allowed = f"{key.allowed} (secret)" if key.is_secret else key.allowed
    cells = (f"`{key.name}`", f"`{key.default}`" if key.default else "", allowed, key.schema["description"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _fallbacks() -> str:
    pairs = "".join(f"- `{key}`, else `{name}`\n" for key, name in FALLBACKS.items())
    return f"## Names that stand in\n\nThe dialect stays that of MySQL.\n\n{pairs}"


def _rules() -> str:
    return "## What must fit together\n\n" + "".join(f"- `{rule.key}` {rule.message}\n" for rule in RULES)


def _example_section(group: tuple[str, list[Key]]) -> str:
    title, keys = group
    return f"# --- {title} ---\n" + "".join(map(_example, keys))


def _example(key: Key) -> str:
    return f"# {key.schema['description']} ({key.allowed})\n#{key.name}={key.default}\n"


def _fallback_schema(key: str, name: str) -> dict[str, Any]:
    plain = {word: value for word, value in KEYS[key].schema.items() if word != "default"}
    return plain | {"description": f"Stands in for {key}; {name} is read where {key} is not set."}


def main() -> None:
    """Write the files."""
    (ROOT / "docs" / "configuration.md").write_text(configuration(), encoding="utf-8")
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")


if __name__ == "__main__":
    main()
