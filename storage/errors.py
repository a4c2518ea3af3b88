"""What can go wrong in a store, named by what the caller can do about it.

DatabaseError
├── TransientError       try again: a connection, an election, a time-out, a deadlock
│   └── UnavailableError     nobody answers: the server is down or was never there
├── OperatorError        try again, but loudly: a person has to act (password, role, quota, disk, TLS)
├── RejectedError        never try this one again: the record itself cannot be stored
│   ├── UnsupportedQuery     the question cannot be asked of this store
│   └── IncompatibleSchema   the dataset has a schema that this one may not follow
└── ConflictError        the key is taken by other content
"""

from __future__ import annotations


class DatabaseError(Exception):
    """The root of every error that a store lets escape."""


class TransientError(DatabaseError):
    """Trying the same thing again may help."""


class UnavailableError(TransientError):
    """The server does not answer; it may come back by itself."""


class OperatorError(DatabaseError):
    """Trying again helps only after a person has acted: `fix` says how."""

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class RejectedError(DatabaseError):
    """The request can never succeed as it is."""


class UnsupportedQuery(RejectedError):
    """This store cannot answer that question; it says so instead of answering another one."""


class IncompatibleSchema(RejectedError):
    """One schema may not follow another; nothing is wrong with the rows, and another version of us may write them."""


class ConflictError(DatabaseError):
    """The key is already taken by other content."""
