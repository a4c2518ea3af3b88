"""What we were told: the settings, and the only reader of the environment."""

from config.errors import ConfigError, Problem
from config.load import load, lookalikes
from config.settings import Settings
from config.view import Shown, describe, public_view

__all__ = ["ConfigError", "Problem", "Settings", "Shown", "describe", "load", "lookalikes", "public_view"]
