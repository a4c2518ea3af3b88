"""Settings come from a file and the environment, and all that is wrong is told at once."""

from pathlib import Path

import pytest

from config import ConfigError, Settings, load, lookalikes


def problems(environ: dict[str, str], file: Path | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(environ, file)
    return {problem.key: problem.message for problem in caught.value.problems}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tapestore.toml"


def test_nothing_given_is_all_defaults() -> None:
    assert load({}) == Settings()


def test_environment_sets_a_key() -> None:
    assert load({"SOURCE": "kafka", "BATCH_MAX_BYTES": "1MiB"}).batch.max_bytes == 1024 * 1024


def test_an_empty_value_is_an_unset_one(file: Path) -> None:
    file.write_text('STORE = ""\nKAFKA_TOPICS = []\nSOURCE = "nats"')
    settings = load({"SOURCE": "", "HTTP_PORT": " ", "MONGODB_URI": ""}, file)
    assert (settings.source, settings.http.port, settings.mongodb.uri) == ("nats", 8080, None)
    assert (settings.store.kind, settings.kafka.topics) == ("local", ("market-data",))


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    assert load({"KAFKA_TOPICS": " trades , candles,"}).kafka.topics == ("trades", "candles")


def test_lists_are_lists_or_text_in_the_file(file: Path) -> None:
    file.write_text('KAFKA_TOPICS = ["trades", "a,b"]\nREPLAY_FILES = "x.jsonl,y.jsonl.gz"')
    settings = load({}, file)
    assert settings.kafka.topics == ("trades", "a,b")
    assert settings.file.files == ("x.jsonl", "y.jsonl.gz")


@pytest.mark.parametrize("key", ["NATS_STREAM", "NATS_SUBJECT", "NATS_DURABLE"])
@pytest.mark.parametrize("name", ["a b", "a\r\nPUB b 0", "a\t", "a\n"])
def test_names_on_nats_have_no_white_space(key: str, name: str) -> None:
    """The driver is told not to look."""
    assert list(problems({key: name})) == [key]


def test_the_file_is_named_by_the_environment(file: Path) -> None:
    file.write_text('SOURCE = "kafka"\nHTTP_PORT = 9000\nMIGRATE_ON_START = false\nRETRY_MAX_SECONDS = 2.5')
    settings = load({"TAPESTORE_CONFIG": str(file)})
    assert (settings.source, settings.http.port, settings.retry.max_seconds) == ("kafka", 9000, 2.5)
    assert settings.metadata.migrate_on_start is False


def test_the_environment_wins_over_the_file(file: Path) -> None:
    file.write_text("HTTP_PORT = 9000")
    assert load({"HTTP_PORT": "9001"}, file).http.port == 9001


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE", "nats")
    monkeypatch.delenv("TAPESTORE_CONFIG", raising=False)
    assert load().source == "nats"


def test_unknown_variables_of_the_environment_are_left_alone() -> None:
    assert load({"MONGODB_SERVICE_HOST": "10.0.0.1", "PATH": "/bin"}) == Settings()


def test_misspelt_variables_of_the_environment_can_be_asked_for() -> None:
    assert lookalikes({"MONGODB_URL": "x", "PATH": "/bin", "SOURCE": "nats"}) == [
        "MONGODB_URL: unknown; did you mean MONGODB_URI?"
    ]


def test_unknown_keys_of_the_file_are_refused_with_a_guess(file: Path) -> None:
    file.write_text("BATCH_MAX_MESAGES = 5\nhttp_port = 80\nZZZ = 1\n[kafka]\ntopics = []")
    found = problems({}, file)
    assert found["BATCH_MAX_MESAGES"] == "is no known key; did you mean BATCH_MAX_MESSAGES?"
    assert found["http_port"] == "is no known key; did you mean HTTP_PORT?"
    assert found["ZZZ"] == "is no known key"
    assert "flat" in found["kafka"]


def test_broken_toml_is_one_error_with_its_line(file: Path) -> None:
    file.write_text('SOURCE = "nats"\nHTTP_PORT = = 5')
    assert "line 2" in problems({"SOURCE": "wrong"}, file)["TAPESTORE_CONFIG"]


def test_a_file_that_cannot_be_read_is_one_error(file: Path) -> None:
    assert "No such file" in problems({}, file)["TAPESTORE_CONFIG"]
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in problems({}, file)["TAPESTORE_CONFIG"]


def test_all_errors_are_reported_at_once_and_sorted(file: Path) -> None:
    file.write_text('LOG_LEVEL = "LOUD"\nSOURZE = "nats"')
    environ = {"SOURCE": "rabbit", "HTTP_PORT": "99999", "BATCH_MAX_BYTES": "9GB", "DRAIN_SECONDS": "nan"}
    with pytest.raises(ConfigError) as caught:
        load(environ | {"MONGODB_USER": "me"}, file)
    assert str(caught.value).splitlines() == [
        "7 settings are wrong:",
        "  BATCH_MAX_BYTES: must be bytes from 1 to 64MiB, not 9GB",
        "  DRAIN_SECONDS: must be a number above 0 to 600, not nan",
        "  HTTP_PORT: must be a whole number from 0 to 65535, not 99999",
        "  LOG_LEVEL: must be DEBUG, INFO, WARNING or ERROR, not LOUD",
        "  MONGODB_PASSWORD: must be set with MONGODB_USER, unless MONGODB_URI is",
        "  SOURCE: must be jetstream, nats, kafka or file, not rabbit",
        "  SOURZE: is no known key; did you mean SOURCE?",
    ]


def test_a_truth_value_is_no_number(file: Path) -> None:
    file.write_text("HTTP_PORT = true")
    assert problems({}, file) == {"HTTP_PORT": "must be a whole number from 0 to 65535, not true"}


@pytest.mark.parametrize("key", ["MONGODB_PORT", "MYSQL_PORT", "POSTGRES_PORT", "HTTP_PORT"])
def test_an_address_that_kubernetes_injects_names_the_remedy(key: str) -> None:
    assert "enableServiceLinks: false" in problems({key: "tcp://10.0.0.1:27017"})[key]


def test_an_error_names_the_key_that_was_set() -> None:
    assert list(problems({"POSTGRES_PORT": "many"})) == ["POSTGRES_PORT"]


CONTRADICTIONS = {
    "MAX_IN_FLIGHT_MESSAGES": {"MAX_IN_FLIGHT_MESSAGES": "10"},
    "MAX_IN_FLIGHT_BYTES": {"MAX_IN_FLIGHT_BYTES": "1MiB"},
    "RETRY_MAX_SECONDS": {"RETRY_MAX_SECONDS": "0.01"},
    "SOURCE": {"SOURCE": "nats", "GUARANTEE": "at_least_once"},
    "REPLAY_FILES": {"SOURCE": "file"},
    "LOCAL_PATH": {"LOCAL_PATH": "what?"},
    "KAFKA_SASL_USERNAME": {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD": "x"},
    "KAFKA_SASL_PASSWORD": {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "x"},
    "KAFKA_SECURITY_PROTOCOL": {"KAFKA_SASL_USERNAME": "x", "KAFKA_SASL_PASSWORD": "x"},
    "MONGODB_PASSWORD": {"MONGODB_USER": "x"},
    "MONGODB_USER": {"MONGODB_PASSWORD": "x"},
}


@pytest.mark.parametrize("key", CONTRADICTIONS)
def test_contradictions_are_refused(key: str) -> None:
    assert list(problems(CONTRADICTIONS[key])) == [key]


def test_a_contradiction_with_a_wrong_key_is_not_reported_twice() -> None:
    assert list(problems({"BATCH_MAX_MESSAGES": "none", "MAX_IN_FLIGHT_MESSAGES": "10"})) == ["BATCH_MAX_MESSAGES"]
