"""The command line: `tapestore`."""

from consumer.cli.app import main

__all__ = ["main"]
