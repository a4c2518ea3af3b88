"""What every store carries, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from storage import TABLES
from storage.times import from_ms
from storage.values import check, decimal_parts, exact_ms
from tests.contracts.records import BARE, FINEST, FULL, LARGEST, SMALLEST, trade


@pytest.mark.parametrize(
    "value", [LARGEST, FINEST, SMALLEST, LARGEST.copy_negate(), Decimal("0E-18"), Decimal("1E+19")], ids=str
)
def test_decimals_up_to_the_limits_have_parts(value: Decimal) -> None:
    sign, coefficient, exponent = decimal_parts(value)

    assert Decimal(f"{'-' if sign else ''}{coefficient}E{exponent}") == value


@given(st.integers(0, 1), st.integers(0, 10**34 - 1), st.integers(-18, 0))
def test_parts_are_those_of_the_decimal(sign: int, coefficient: int, exponent: int) -> None:
    value = Decimal((sign, tuple(map(int, str(coefficient))), exponent))

    if coefficient < 10 ** (20 - exponent):
        assert decimal_parts(value) == (sign, coefficient, exponent)
    else:
        with pytest.raises(ValueError, match="digits"):
            decimal_parts(value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "-Infinity", "1E+20", "1E-19", "1E+999999", "9" * 21, "0." + "1" * 19])
def test_what_is_no_such_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decimal_parts(Decimal(text))


@pytest.mark.parametrize("value", [1.5, 1, "1.5", None, True])
def test_only_decimals_are_decimals(value: Any) -> None:
    with pytest.raises(TypeError):
        decimal_parts(value)


@given(st.integers(-(10**13), 2 * 10**14))
def test_times_keep_their_millisecond(milliseconds: int) -> None:
    assert exact_ms(from_ms(milliseconds)) == milliseconds


def test_a_time_of_another_zone_is_the_same_time() -> None:
    there = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=-3)))

    assert exact_ms(there) == exact_ms(datetime(2024, 1, 1, 15, tzinfo=UTC))


def test_a_naive_time_and_a_finer_one_are_refused() -> None:
    with pytest.raises(TypeError):
        exact_ms(datetime(2024, 1, 1))  # noqa: DTZ001 - the naive time is what is tested
    with pytest.raises(ValueError, match="finer"):
        exact_ms(datetime(2024, 1, 1, microsecond=1, tzinfo=UTC))


@pytest.mark.parametrize("kind", TABLES)
def test_samples_of_every_kind_pass(kind: str) -> None:
    check(TABLES[kind], FULL[kind])
    check(TABLES[kind], BARE[kind])


@pytest.mark.parametrize(
    "changes", [{"price": None}, {"trade_id": 2**63}, {"is_buyer_maker": 1}, {"event_time": "now"}]
)
def test_a_record_that_cannot_be_stored_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        check(TABLES["trades"], replace(trade(), **changes))
