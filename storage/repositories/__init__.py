"""The questions: one noun a file, over the store of documents or over the metadata database."""

from storage.repositories.base import Repository
from storage.repositories.market import REPOSITORIES, repositories_of

__all__ = ["REPOSITORIES", "Repository", "repositories_of"]
