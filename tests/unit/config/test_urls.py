"""Addresses are built exactly, checked before use, and shown without their secrets."""

import pytest
from pymongo.uri_parser import parse_uri
from sqlalchemy.engine import make_url

from config import ConfigError, load
from config.urls import asynchronous, public_url

AWKWARD = "@:/?#% +ä&="


def metadata_url(**environ: str) -> str:
    return load(environ).metadata_url.get_secret_value()


def test_metadata_are_in_sqlite_without_a_host() -> None:
    assert metadata_url() == "sqlite+aiosqlite:///data/metadata.sqlite"
    assert metadata_url(LOCAL_PATH="/var/lib/tape store") == "sqlite+aiosqlite:////var/lib/tape store/metadata.sqlite"


def test_metadata_url_wins_over_mysql_uri_and_that_over_mysql_host() -> None:
    environ = {"METADATA_URL": "postgresql+asyncpg://a/x", "MYSQL_URI": "mysql://b/x", "MYSQL_HOST": "c"}
    assert metadata_url(**environ) == "postgresql+asyncpg://a/x"
    assert metadata_url(**environ | {"METADATA_URL": ""}) == "mysql+aiomysql://b/x"
    assert metadata_url(MYSQL_HOST="c") == "mysql+aiomysql://root@c:3306/tapestore"


def test_mysql_keys_fall_back_to_postgres_keys_one_by_one_with_the_dialect_kept() -> None:
    postgres = {"POSTGRES_HOST": "pg", "POSTGRES_PORT": "5432", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p"}
    assert metadata_url(**postgres, POSTGRES_DB="d") == "mysql+aiomysql://u:p@pg:5432/d"
    assert metadata_url(**postgres, MYSQL_HOST="my", MYSQL_PORT="3307") == "mysql+aiomysql://u:p@my:3307/tapestore"


def test_awkward_characters_survive_in_mysql_users_and_passwords() -> None:
    url = make_url(metadata_url(MYSQL_HOST="h", MYSQL_USER=AWKWARD, MYSQL_PASSWORD=AWKWARD))
    assert (url.username, url.password, url.host) == (AWKWARD, AWKWARD, "h")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("mysql://u:p%40@h:1/d", "mysql+aiomysql://u:p%40@h:1/d"),
        ("mysql+pymysql://h/d?charset=utf8mb4", "mysql+aiomysql://h/d?charset=utf8mb4"),
        ("mariadb://h/d", "mariadb+aiomysql://h/d"),
        ("postgresql://h/d", "postgresql+asyncpg://h/d"),
        ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_a_url_gets_a_driver_that_can_be_awaited(given: str, meant: str) -> None:
    assert asynchronous(given) == meant


@pytest.mark.parametrize(
    "url", ["mysql+mysqldb://u:canary@h/d", "canary", "oracel://u:canary@h", "mysql://u:canary@h:x/d"]
)
def test_a_url_that_cannot_be_used_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"METADATA_URL": url})
    assert "METADATA_URL" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_mongodb_uri_is_built_from_its_parts() -> None:
    assert load({}).mongodb_uri.get_secret_value() == "mongodb://127.0.0.1:27017"
    assert load({"MONGODB_HOST": "::1"}).mongodb_uri.get_secret_value() == "mongodb://[::1]:27017"


def test_awkward_characters_survive_in_mongodb_users_and_passwords() -> None:
    settings = load({"MONGODB_USER": AWKWARD, "MONGODB_PASSWORD": AWKWARD, "MONGODB_HOST": "h"})
    parsed = parse_uri(settings.mongodb_uri.get_secret_value())
    assert (parsed["username"], parsed["password"], parsed["nodelist"]) == (AWKWARD, AWKWARD, [("h", 27017)])


def test_mongodb_uri_wins_over_its_parts() -> None:
    uri = "mongodb+srv://u:p@cluster.example.net/?w=1"
    assert load({"MONGODB_URI": uri, "MONGODB_HOST": "h"}).mongodb_uri.get_secret_value() == uri


def test_what_is_not_said_of_batches_suits_the_store() -> None:
    local, mongodb = load({}).batching, load({"STORE": "mongodb"}).batching
    assert (local.max_messages, local.max_writes, local.ages) == (8000, 4, (5, 5))
    assert (mongodb.max_messages, mongodb.max_writes, mongodb.ages) == (2000, 8, (0.0125, 0.1))


def test_what_is_said_of_batches_holds_for_any_store() -> None:
    said = {"BATCH_MAX_MESSAGES": "7", "BATCH_MAX_WRITES": "3", "BATCH_MAX_AGE_SECONDS": "2"}
    assert load(said).batching[:3] == (7, 4 * 1024 * 1024, 3)
    assert load(said).batching.ages == (2, 2)
    assert load(said | {"STORE": "mongodb"}).batching.ages == (0.25, 2)


def test_a_batch_is_never_more_than_may_be_in_flight() -> None:
    assert load({"MAX_IN_FLIGHT_MESSAGES": "5000"}).batching.max_messages == 5000


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://user:canary@host:4222", "nats://user:***@host:4222"),
        ("nats://canary@host", "nats://***@host"),
        ("nats://a:canary@h1:1, tls://b:canary@h2", "nats://a:***@h1:1,tls://b:***@h2"),
        (
            "mongodb://u:canary@h1:1,h2:2/db?replicaSet=rs0&x=canary",
            "mongodb://u:***@h1:1,h2:2/db?replicaSet=rs0&x=***",
        ),
        ("redis://:canary@h/0", "redis://:***@h/0"),
        ("mongodb://u:can/ary@h", "***"),
        ("mongodb://u:can@ary@h", "***"),
        ("mongodb://u:can#ary@h", "***"),
        ("mongodb://u:12/canary@h", "***"),
        ("mongodb://u:12?canary@h", "***"),
        ("nats://h1,nats://u:can@ary@h2", "***"),
        ("sqlite+aiosqlite:///data/metadata.sqlite", "sqlite+aiosqlite:///data/metadata.sqlite"),
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
    ],
)
def test_a_url_is_shown_without_its_secrets_or_not_at_all(url: str, shown: str) -> None:
    assert public_url(url) == shown


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MONGODB_URI", "mongodb://u:can/ary@h"),
        ("MONGODB_URI", "https://u:canary@h"),
        ("MONGODB_URI", "canary"),
        ("MONGODB_HOST", "u:canary@h"),
        ("MYSQL_HOST", "mysql://u:canary@h"),
        ("POSTGRES_HOST", "canary@h"),
        ("NATS_URL", "nats://u:can@ary@h"),
        ("NATS_URL", "kafka://u:canary@h"),
        ("KAFKA_BOOTSTRAP_SERVERS", "u:canary@h:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "h1:9092,canary:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:canary@h:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318?key=canary"),
        ("HTTP_HOST", "http://canary"),
        ("MONGODB_PORT", "canary@"),
        ("METADATA_URL", "postgresql://u:canary@h:65536/d"),
        ("MYSQL_URI", "mysql://u:canary@h:99999/d"),
        ("METADATA_URL", "postgresql://u:canary@h/d?sslmode=canary"),
        ("MONGODB_URI", "mongodb://u:canary@h:65536"),
        ("NATS_URL", "nats://u:canary@h:70000"),
        ("KAFKA_BOOTSTRAP_SERVERS", "canary:65540"),
        ("SOURCE", "nats://u:canary@h"),
    ],
)
def test_a_wrong_address_is_refused_by_its_key_and_not_shown(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({key: value})
    assert [problem.key for problem in caught.value.problems] == [key]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NATS_URL", "nats://a:1,tls://u:p@b:2,c:3"),
        ("NATS_URL", "nats://[::1]:4222"),
        ("NATS_URL", "nats://h:65535"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:9092, b:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "[::1]:9092"),
        ("MONGODB_URI", "mongodb://a:1,b:2,[::1]:3/?replicaSet=rs0&w=majority"),
        ("MONGODB_HOST", "fd00::1"),
        ("HTTP_HOST", "::"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.observability:4318/"),
    ],
)
def test_a_right_address_is_taken(key: str, value: str) -> None:
    load({key: value})
