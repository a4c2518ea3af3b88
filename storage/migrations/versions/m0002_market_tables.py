"""The tables of market data, letters, conflicts and free documents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.sql.columns import UtcTime
from storage.sql.exact import AnyText, DocumentId, ExactNumber, LevelsText, long_bytes, long_text, name, words

revision = "0002"
down_revision = "0001"

MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

INDEXES = {
    "trades": [["symbol", "timestamp"]],
    "agg_trades": [["symbol", "timestamp"]],
    "candles": [["symbol", "timeframe", "timestamp"]],
    "depth": [["symbol", "timestamp"]],
    "funding_rates": [["symbol", "timestamp"]],
    "mark_prices": [["symbol", "timestamp"]],
    "tickers": [["symbol", "timestamp"]],
    "mini_tickers": [["symbol", "timestamp"]],
    "book_tickers": [["symbol", "timestamp"]],
    "liquidations": [["symbol", "timestamp"]],
    "collections": [],
    "dead_letters": [["first_seen"], ["reason"]],
    "dead_letter_parts": [],
    "conflicts": [["seen_at"]],
    "documents": [],
}


def upgrade() -> None:
    """Create what is not there: a store makes its tables itself when it connects to a database without them."""
    _create_trades()
    _create_candles()
    _create_books()
    _create_rates()
    _create_tickers()
    _create_liquidations()
    _create_what_is_no_market_data()


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    for table in reversed(INDEXES):
        op.drop_table(table, if_exists=True)


def _create_trades() -> None:
    _create_kind(
        "trades",
        _integer("trade_id", nullable=False),
        _number("price"),
        _number("quantity"),
        _truth("trades", "is_buyer_maker"),
        _time("event_time", nullable=True),
    )
    _create_kind(
        "agg_trades",
        _integer("agg_trade_id", nullable=False),
        _integer("first_trade_id", nullable=False),
        _integer("last_trade_id", nullable=False),
        _number("price"),
        _number("quantity"),
        _truth("agg_trades", "is_buyer_maker"),
        _time("event_time", nullable=True),
    )


def _create_candles() -> None:
    timeframe = sa.Column("timeframe", name(10), nullable=False)
    columns = (
        *(_number(field) for field in ("open", "high", "low", "close", "volume")),
        _number("quote_volume", nullable=True),
        _integer("trades_count", nullable=True),
        _number("taker_buy_volume", nullable=True),
        _number("taker_buy_quote_volume", nullable=True),
        _time("close_time", nullable=True),
        _truth("candles", "is_closed"),
        _time("event_time", nullable=True),
    )
    _create("candles", ["timeframe", "_id"], timeframe, *_common(), *columns)


def _create_books() -> None:
    _create_kind(
        "depth",
        sa.Column("kind", name(20), nullable=False),
        _integer("first_update_id", nullable=True),
        _integer("last_update_id", nullable=False),
        _integer("previous_update_id", nullable=True),
        sa.Column("bids", LevelsText(), nullable=False),
        sa.Column("asks", LevelsText(), nullable=False),
        sa.CheckConstraint("kind IN ('diff', 'snapshot')", name="ck_depth_kind"),
    )
    prices = ("bid_price", "bid_quantity", "ask_price", "ask_quantity")
    _create_kind("book_tickers", _integer("update_id", nullable=False), *(_number(field) for field in prices))


def _create_rates() -> None:
    _create_kind(
        "funding_rates",
        _number("funding_rate"),
        _number("mark_price", nullable=True),
        _truth("funding_rates", "is_settled"),
        _time("event_time", nullable=True),
    )
    _create_kind(
        "mark_prices",
        _number("mark_price"),
        _number("index_price", nullable=True),
        _number("estimated_settle_price", nullable=True),
        _number("last_funding_rate", nullable=True),
        _time("next_funding_time", nullable=True),
    )


def _create_tickers() -> None:
    short = ("open", "high", "low", "close", "volume", "quote_volume")
    changes = ("price_change", "price_change_percent", "weighted_average_price")
    _create_kind("tickers", *(_number(field) for field in (*short, *changes)), _integer("trades_count", nullable=False))
    _create_kind("mini_tickers", *(_number(field) for field in short))


def _create_liquidations() -> None:
    _create_kind(
        "liquidations",
        sa.Column("side", words(), nullable=False),
        _number("price"),
        _number("average_price", nullable=True),
        _number("quantity"),
        _number("filled_quantity", nullable=True),
        sa.Column("status", words()),
    )


def _create_what_is_no_market_data() -> None:
    _create("collections", ["name"], sa.Column("name", name(100), nullable=False))
    _create(
        "dead_letters",
        ["_id"],
        sa.Column("_id", name(700), nullable=False),
        sa.Column("subject", AnyText(), nullable=False),
        sa.Column("headers", long_text(), nullable=False),
        sa.Column("source", name(255), nullable=False),
        sa.Column("position", AnyText(), nullable=False),
        _integer("message_time", nullable=True),
        _integer("element", nullable=False),
        sa.Column("reason", name(50), nullable=False),
        sa.Column("error", AnyText(), nullable=False),
        sa.Column("trace_id", AnyText()),
        _time("first_seen"),
        _time("last_seen"),
        _integer("attempts", nullable=False),
        _time("replayed_at", nullable=True),
        sa.Column("data", long_bytes(), nullable=False),
    )
    _create(
        "dead_letter_parts",
        ["_id", "number"],
        sa.Column("_id", name(700), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("data", long_bytes(), nullable=False),
    )
    _create(
        "conflicts",
        ["_id"],
        sa.Column("_id", name(700), nullable=False),
        sa.Column("collection", name(100), nullable=False),
        sa.Column("key", AnyText(), nullable=False),
        sa.Column("stored", long_text(), nullable=False),
        sa.Column("incoming", long_text(), nullable=False),
        sa.Column("source", name(255), nullable=False),
        sa.Column("position", AnyText(), nullable=False),
        _time("seen_at"),
    )
    _create(
        "documents",
        ["collection", "_id"],
        sa.Column("collection", name(63), nullable=False),
        sa.Column("_id", DocumentId(), nullable=False),
        sa.Column("body", long_text(), nullable=False),
    )


def _common() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("_id", name(255), nullable=False),
        sa.Column("symbol", name(64), nullable=False),
        _time("timestamp"),
    )


def _number(field: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(field, ExactNumber(), nullable=nullable)


def _integer(field: str, *, nullable: bool) -> sa.Column[Any]:
    return sa.Column(field, sa.BigInteger, nullable=nullable)


def _time(field: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(field, UtcTime(), nullable=nullable)


def _truth(table: str, field: str) -> sa.Column[Any]:
    return sa.Column(field, sa.Boolean(create_constraint=True, name=f"ck_{table}_{field}"), nullable=False)


def _create_kind(table: str, *rest: Any) -> None:
    _create(table, ["_id"], *_common(), *rest)


def _create(table: str, key: list[str], *rest: Any) -> None:
    primary = sa.PrimaryKeyConstraint(*key, name=f"pk_{table}")
    op.create_table(table, *rest, primary, if_not_exists=True, **MYSQL)
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for names in INDEXES[table]:
        index = f"ix_{table}_{'_'.join(names)}"
        if index not in known:
            op.create_index(index, table, names)
