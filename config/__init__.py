"""What we were told: the settings, and the only reader of the environment."""

from config.settings import Settings

__all__ = ["Settings"]
