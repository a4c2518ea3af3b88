"""Bytes to records: the only room that knows what messages look like."""

from consumer.decode.decoded import Decoded, Failure, Usual
from consumer.decode.decoder import Decoder

__all__ = ["Decoded", "Decoder", "Failure", "Usual"]
