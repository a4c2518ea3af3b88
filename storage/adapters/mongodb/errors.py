"""What the driver and the server complain about, in the words of `storage.errors`.

Codes are those of MongoDB's error_codes.yml; texts are never read where there is a code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bson import errors as bson_errors
from pymongo import errors

from storage.adapters.mongodb.handshake import TLS_FIX
from storage.adapters.mongodb.rules import rules_of
from storage.errors import (
    ConflictError,
    DatabaseError,
    OperatorError,
    RejectedError,
    TransientError,
    UnavailableError,
)
from storage.outcomes import Reason, Result, rejected, retry

DUPLICATE_KEY = 11000
NOT_CONVERTED = 241
"""ConversionFailure: only questions convert, whole numbers into whole numbers."""
REFUSED_COMMANDS = frozenset({22, 10334})
"""Invalid BSON and BSON too large: one document makes the server refuse the whole command."""

_FIXES: Mapping[int, str] = {
    11: "create the user that MONGODB_URI names, or name another",
    13: "grant the user readWrite on the database that MONGODB_DB names, and dbAdmin for validators and retention",
    18: "check MONGODB_USER and MONGODB_PASSWORD, or user, password and authSource in MONGODB_URI",
    31: "create the role that the user of MONGODB_URI lacks",
    59: "use MongoDB 6.0 or later",
    67: "drop the index that is in the way and start again",
    79: "configure the replica set so that w: majority can be met",
    85: "drop the index of that name and start again: its options differ",
    86: "drop the index of that name and start again: its keys differ",
    100: "bring back members of the replica set: w: majority cannot be met",
    115: "use MongoDB 6.0 or later",
    8000: "look at the cluster's page: its quota is used up, or it refuses the user",
    14031: "free space on the server's disk",
    17300: "free space on the server's disk",
}
_REASONS: Mapping[int, Reason] = {
    2: Reason.DOCUMENT_TOO_LARGE,  # what 6.0 says of one document above 16 MiB among others
    121: Reason.SCHEMA,
    10334: Reason.DOCUMENT_TOO_LARGE,
    17419: Reason.DOCUMENT_TOO_LARGE,
    17420: Reason.DOCUMENT_TOO_LARGE,
}
_PASSING = frozenset(
    {
        *(6, 7, 24, 43, 46, 50, 63, 64, 89, 91, 112, 133, 134, 150, 175, 189, 202, 234, 237, 246, 262, 290, 317),
        *(9001, 10107, 11600, 11602, 13388, 13435, 13436),
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Let nothing of the driver escape: every error of it becomes a DatabaseError."""
    try:
        yield
    except tuple(TRANSLATIONS) as error:
        raise translate(error) from error


def translate(error: Exception) -> DatabaseError:
    """The DatabaseError that tells the caller what to do about an error of the driver."""
    known = next(kind for kind in type(error).__mro__ if kind in TRANSLATIONS)
    return TRANSLATIONS[known](error)


def fate_of(complaint: Mapping[str, Any]) -> Result:
    """The fate of one record that the server did not write, from its entry in `writeErrors`.

    A duplicate `_id` is not decided here: only the stored content tells. Raises OperatorError.
    """
    code = complaint.get("code", 0)
    if code in _FIXES:
        raise OperatorError(_said(complaint), fix=_FIXES[code])
    if code == DUPLICATE_KEY and not is_taken_id(complaint):
        return rejected(Reason.UNIQUE_INDEX, _said(complaint))
    if code in _REASONS:
        return rejected(_REASONS[code], _said(complaint))
    return retry(_said(complaint))


def refusal(error: errors.OperationFailure) -> Result:
    """The fate of the one record for which the server refused a whole command."""
    said = _said({"errmsg": str(error), **(error.details or {}), "code": error.code})
    return rejected(_REASONS.get(error.code or 0, Reason.NOT_STORABLE), said)


def is_taken_id(complaint: Mapping[str, Any]) -> bool:
    """Whether a record was not written because its `_id` is there already."""
    return complaint.get("code") == DUPLICATE_KEY and complaint.get("keyPattern") == {"_id": 1}


def _said(complaint: Mapping[str, Any]) -> str:
    """What the server said of a record or a command: its text, its code, and the rule that was broken."""
    rule = rules_of(complaint.get("errInfo", {}).get("details", {}))
    name = complaint.get("codeName", "")
    said = f"{complaint.get('errmsg', 'no message')} (code {complaint.get('code')}{name and ' ' + name})"
    return _short(f"{said}: {rule}" if rule else said)


def _short(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:497]}..."


def _told(error: Exception) -> str:
    said = str(error).partition(" (configured timeouts")[0]  # what follows is the driver's own state, not a reason
    return _short(f"{type(error).__name__}: {said}")


def _unavailable(error: Exception) -> DatabaseError:
    return UnavailableError(_told(error))


def _no_server(error: Exception) -> DatabaseError:
    text = str(error)  # the driver keeps nothing else of a failed handshake
    if "[SSL:" in text or ("SSL handshake failed" in text and "timed out" not in text):
        return OperatorError(_told(error), fix=TLS_FIX)
    return UnavailableError(_told(error))


def _transient(error: Exception) -> DatabaseError:
    return TransientError(_told(error))


def _unknown(error: Exception) -> DatabaseError:
    return TransientError(f"unexpected {_told(error)}")


def _rejected(error: Exception) -> DatabaseError:
    return RejectedError(_told(error))


def _misconfigured(error: Exception) -> DatabaseError:
    return OperatorError(_told(error), fix="check MONGODB_URI and the version of the server")


def _encrypted(error: Exception) -> DatabaseError:
    return OperatorError(_told(error), fix="use a connection without client-side encryption")


def _server_refused(error: errors.OperationFailure) -> DatabaseError:
    """An answer of the server about a whole command."""
    code = error.code or 0
    said = _said({"errmsg": str(error).partition(", full error")[0], **(error.details or {}), "code": code})
    if code in _FIXES:
        return OperatorError(said, fix=_FIXES[code])
    if error.has_error_label("RetryableWriteError") or code in _PASSING:
        return TransientError(said)
    if code == DUPLICATE_KEY:
        return ConflictError(said)
    if code in _REASONS and code != 2:
        return RejectedError(said)
    if code == NOT_CONVERTED:
        return RejectedError(f"a number does not fit into 64 bits: {said}")
    return TransientError(f"unexpected {type(error).__name__}: {said}")


def _bulk_failed(error: errors.BulkWriteError) -> DatabaseError:
    """A bulk write that nobody took apart: its first complaint speaks for all."""
    complaints = [*error.details.get("writeConcernErrors", []), *error.details.get("writeErrors", [])]
    first = complaints[0] if complaints else {}
    if first.get("code") in _FIXES:
        return OperatorError(_said(first), fix=_FIXES[first["code"]])
    return TransientError(_said(first))


TRANSLATIONS: Mapping[type[Exception], Callable[[Any], DatabaseError]] = {
    errors.PyMongoError: _unknown,
    errors.ProtocolError: _unknown,
    errors.ConnectionFailure: _unavailable,
    errors.AutoReconnect: _unavailable,
    errors.NetworkTimeout: _unavailable,
    errors.ServerSelectionTimeoutError: _no_server,
    errors.NotPrimaryError: _transient,
    errors.WaitQueueTimeoutError: _transient,
    errors.OperationFailure: _server_refused,
    errors.CursorNotFound: _transient,
    errors.ExecutionTimeout: _transient,
    errors.WTimeoutError: _transient,
    errors.WriteConcernError: _server_refused,
    errors.WriteError: _server_refused,
    errors.DuplicateKeyError: _server_refused,
    errors.BulkWriteError: _bulk_failed,
    errors.ClientBulkWriteException: _unknown,
    errors.ConfigurationError: _misconfigured,
    errors.InvalidURI: _misconfigured,
    errors.InvalidOperation: _unavailable,  # the client was closed under the caller
    errors.InvalidName: _rejected,
    errors.CollectionInvalid: _rejected,
    errors.DocumentTooLarge: _rejected,
    errors.EncryptionError: _encrypted,
    errors.EncryptedCollectionError: _encrypted,
    bson_errors.BSONError: _rejected,
    bson_errors.InvalidBSON: _rejected,
    bson_errors.InvalidStringData: _rejected,
    bson_errors.InvalidDocument: _rejected,
    bson_errors.InvalidId: _rejected,
    OverflowError: _rejected,
    UnicodeEncodeError: _rejected,
}
