"""Every error of the driver becomes one of ours, by what the caller can do about it."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import bson.errors
import pymongo.errors
import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from storage import (
    ConflictError,
    DatabaseError,
    OperatorError,
    Outcome,
    Reason,
    RejectedError,
    TransientError,
    UnavailableError,
)
from storage.adapters.mongodb.errors import TRANSLATIONS, fate_of, is_taken_id, translate, translated


def classes_of(module: ModuleType) -> list[type[Exception]]:
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return [value for value in public.values() if inspect.isclass(value) and issubclass(value, Exception)]


def instance_of(kind: type[Exception]) -> Exception:
    match kind.__name__:
        case "BulkWriteError":
            return kind({})
        case "ClientBulkWriteException":
            return kind({}, False)
        case "EncryptedCollectionError":
            return kind(ValueError("it failed"), {})
        case _:
            return kind("it failed")


@pytest.mark.parametrize(
    "kind", [*classes_of(pymongo.errors), *classes_of(bson.errors)], ids=lambda kind: kind.__name__
)
def test_no_class_of_the_driver_is_missed(kind: type[Exception]) -> None:
    assert kind in TRANSLATIONS, f"{kind.__name__} is new in the driver: say what it means"
    assert isinstance(translate(instance_of(kind)), DatabaseError)


@pytest.mark.parametrize("error", [OverflowError("wide"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate")])
def test_errors_before_sending_are_rejections(error: Exception) -> None:
    with pytest.raises(RejectedError), translated():
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("a bug of ours")


def test_the_cause_is_kept() -> None:
    with pytest.raises(UnavailableError) as caught, translated():
        raise AutoReconnect("gone")

    assert isinstance(caught.value.__cause__, AutoReconnect)


@pytest.mark.parametrize("code", [13, 18, 8000, 14031])
def test_what_a_person_must_fix_says_how(code: int) -> None:
    error = translate(OperationFailure("refused", code))

    assert isinstance(error, OperatorError)
    assert error.fix


@pytest.mark.parametrize("code", [6, 89, 91, 112, 189, 262, 10107, 11600, 13435])
def test_what_passes_is_transient(code: int) -> None:
    error = translate(OperationFailure("not now", code))

    assert type(error) is TransientError and "unexpected" not in str(error)


def test_a_label_of_the_server_makes_an_error_transient() -> None:
    error = OperationFailure("new in 9.0", 999_999, {"errorLabels": ["RetryableWriteError"]})

    assert type(translate(error)) is TransientError and "unexpected" not in str(translate(error))


def test_an_unknown_code_is_transient_and_named() -> None:
    error = translate(OperationFailure("strange", 424_242))

    assert type(error) is TransientError
    assert "unexpected OperationFailure" in str(error) and "424242" in str(error)


def test_an_unknown_class_is_transient_and_named() -> None:
    class NewError(PyMongoError):
        pass

    error = translate(NewError("strange"))

    assert type(error) is TransientError and "unexpected NewError" in str(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (WriteConcernError("waited", 64), TransientError),
        (WriteConcernError("no majority", 100), OperatorError),
        (DuplicateKeyError("E11000", 11000), ConflictError),
        (DocumentTooLarge("17 MB"), RejectedError),
        (ConfigurationError("wire version"), OperatorError),
        (ServerSelectionTimeoutError("Connection refused"), UnavailableError),
        (ServerSelectionTimeoutError("SSL handshake failed: h:1: certificate verify failed"), OperatorError),
        (ServerSelectionTimeoutError("SSL handshake failed: h:1: timed out"), UnavailableError),
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64, "errmsg": "waited"}]}), TransientError),
        (BulkWriteError({"writeErrors": [{"code": 8000, "errmsg": "quota"}]}), OperatorError),
    ],
    ids=repr,
)
def test_errors_are_named_by_what_the_caller_can_do(error: Exception, expected: type[DatabaseError]) -> None:
    assert type(translate(error)) is expected


def test_long_texts_are_cut() -> None:
    assert len(str(translate(OperationFailure("x" * 10_000, 424_242)))) < 600


COMPLAINT: dict[str, Any] = {"index": 0, "errmsg": "no"}


@pytest.mark.parametrize(
    ("complaint", "outcome", "reason"),
    [
        ({"code": 121, "errInfo": {"details": {"rule": "price"}}}, Outcome.REJECTED, Reason.SCHEMA),
        ({"code": 2}, Outcome.REJECTED, Reason.DOCUMENT_TOO_LARGE),
        ({"code": 11000, "keyPattern": {"trade_id": 1}}, Outcome.REJECTED, Reason.UNIQUE_INDEX),
        ({"code": 11000, "keyPattern": {"_id": 1, "x": 1}}, Outcome.REJECTED, Reason.UNIQUE_INDEX),
        ({"code": 11602}, Outcome.RETRY, None),
        ({"code": 424_242}, Outcome.RETRY, None),
    ],
)
def test_a_complaint_about_one_record_decides_its_fate(
    complaint: dict[str, Any], outcome: Outcome, reason: Reason | None
) -> None:
    fate = fate_of(COMPLAINT | complaint)

    assert (fate.outcome, fate.reason) == (outcome, reason)
    assert str(complaint["code"]) in fate.error


def test_a_complaint_that_a_person_must_fix_is_raised() -> None:
    with pytest.raises(OperatorError):
        fate_of(COMPLAINT | {"code": 14031})


def test_a_taken_id_is_told_by_its_key_and_not_by_its_text() -> None:
    assert is_taken_id({"code": 11000, "keyPattern": {"_id": 1}, "errmsg": ""})
    assert not is_taken_id({"code": 11000, "keyPattern": {"trade_id": 1}, "errmsg": "index: _id_ dup key"})
