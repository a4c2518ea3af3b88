"""What aiokafka's errors mean to us: wait, or call a person."""

from __future__ import annotations

import logging
import time
from ssl import SSLError
from typing import Self

from aiokafka import errors as kafka

from consumer.errors import SourceError, SourceRefused, SourceUnavailable

_SASL = "check KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
_GROUP = "choose another KAFKA_GROUP_ID"

FIXES: dict[type[BaseException], str] = {
    kafka.AuthenticationFailedError: _SASL,
    kafka.AuthenticationMethodNotSupported: _SASL,
    kafka.SaslAuthenticationFailed: _SASL,
    kafka.IllegalSaslStateError: _SASL,
    kafka.UnsupportedSaslMechanismError: _SASL,
    SSLError: "check KAFKA_SECURITY_PROTOCOL, and that this machine trusts the brokers' certificates",
    ValueError: "correct the KAFKA_ settings",
    kafka.TopicAuthorizationFailedError: "let this user READ and DESCRIBE the topics, or correct KAFKA_TOPICS",
    kafka.GroupAuthorizationFailedError: "let this user READ the group, or correct KAFKA_GROUP_ID",
    kafka.ClusterAuthorizationFailedError: "let this user DESCRIBE the cluster",
    kafka.InconsistentGroupProtocolError: _GROUP,
    kafka.InvalidGroupIdError: _GROUP,
    kafka.InvalidTopicError: "correct KAFKA_TOPICS",
    kafka.UnsupportedCodecError: "the producers compress with lz4, snappy or zstd: install cramjam",
    kafka.CorruptRecordException: "the broker's log is damaged: restore the partition from a replica",
}


def explain(error: BaseException, why: BaseException | None = None) -> SourceError:
    """The error in our words; `why` is what aiokafka knew of a failed connection and did not say in its error."""
    if isinstance(error, SourceError):
        return error
    cause = why if why is not None and isinstance(error, kafka.KafkaConnectionError) else error
    for kind, fix in FIXES.items():
        if isinstance(cause, kind):
            return SourceRefused(_said(cause), fix=fix)
    return SourceUnavailable(_said(cause))


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


class Reasons(logging.Handler):
    """Keeps the latest error that aiokafka logged: why it cannot connect it tells nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.latest: BaseException | None = None
        self._noted = float("-inf")

    @property
    def age_seconds(self) -> float:
        """How long ago that was."""
        return time.monotonic() - self._noted

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        for argument in arguments:
            if isinstance(argument, BaseException):
                self.latest, self._noted = argument, time.monotonic()

    def __enter__(self) -> Self:
        logging.getLogger("aiokafka").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("aiokafka").removeHandler(self)


class Trouble:
    """What went wrong last, until it works again or did not happen again for a while."""

    FRESH_SECONDS = 15.0

    def __init__(self) -> None:
        self._error: SourceError | None = None
        self._noted = 0.0
        self._refusal: SourceRefused | None = None

    def note(self, error: SourceError) -> None:
        """This just went wrong."""
        self._error = error
        self._noted = time.monotonic()
        if isinstance(error, SourceRefused):
            self._refusal = error

    def answered(self) -> None:
        """The brokers answer: they may still refuse something."""
        if isinstance(self._error, SourceUnavailable):
            self._error = None

    def over(self) -> None:
        """It works again."""
        self._error = self._refusal = None

    def text(self, connected: bool) -> str:
        """In words, with the fix; nothing when all is well."""
        if self._error is None or (connected and time.monotonic() - self._noted > self.FRESH_SECONDS):
            return ""
        fix = self._error.fix if isinstance(self._error, SourceRefused) else ""
        return f"{self._error}: {fix}" if fix else str(self._error)

    def raise_refusal(self) -> None:
        """Raises SourceRefused, once for each time that it was noted."""
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            raise refusal
