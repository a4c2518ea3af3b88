"""The versions of the tables, as their files name them."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from storage.migrations.steps import VERSIONS


def test_the_files_name_the_revisions_that_alembic_knows() -> None:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    newest_first = ScriptDirectory.from_config(config).walk_revisions()
    assert [script.revision for script in newest_first] == list(reversed(VERSIONS))
