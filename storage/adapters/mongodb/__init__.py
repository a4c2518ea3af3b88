"""MongoDB, by PyMongo's asynchronous client or by Motor."""

from storage.adapters.mongodb.adapter import MongoDBAdapter

__all__ = ["MongoDBAdapter"]
