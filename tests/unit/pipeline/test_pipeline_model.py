"""The pipeline as a state machine: whatever order things happen in, nothing settles early, twice or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from config.flow import BatchSettings, RetrySettings
from consumer.decode import Decoder
from consumer.messages import Settlement
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.retry import Retrier
from consumer.pipeline.tally import Fate
from consumer.pipeline.writer import Writer
from consumer.sources.memory import MemoryBus, MemorySource
from consumer.sources.watermark import Watermark
from storage import Record, Result, Table, TransientError
from storage.adapters.memory import MemoryAdapter
from storage.circuit_breaker import CircuitBreaker
from storage.outcomes import retry
from storage.repositories import repositories_of

TURNS = 30
