"""A market of our own: every kind of message, every fault, and the truth about it."""

from consumer.simulator.envelope import FLAT_SUBJECT, Simulated, subject_for
from consumer.simulator.faults import USUAL, Faults
from consumer.simulator.kinds import KINDS
from consumer.simulator.market import Market
from consumer.simulator.truth import Truth
from consumer.simulator.truth_file import read_truth, write_truth

__all__ = [
    "FLAT_SUBJECT",
    "KINDS",
    "USUAL",
    "Faults",
    "Market",
    "Simulated",
    "Truth",
    "read_truth",
    "subject_for",
    "write_truth",
]
