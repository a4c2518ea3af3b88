"""Bytes to records: the only room that knows what messages look like."""

from consumer.decode.decoder import Decoded, Decoder, Failure

__all__ = ["Decoded", "Decoder", "Failure"]
