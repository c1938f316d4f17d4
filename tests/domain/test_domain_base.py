"""The ground under the domain: clocks, problems, secrets, settings."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bcifs_console.base.clock import ManualClock, SystemClock, iso
from bcifs_console.base.problems import ConfigurationProblem, Problem, ProblemKind, UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.base.settings import load_settings

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    rung: list[datetime] = []
    clock = ManualClock(NOON, on_advance=lambda: rung.append(clock.now()))
    assert (clock.now(), clock.monotonic()) == (NOON, 0.0)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(seconds=1.5), 1.5)
    assert rung == [clock.now()]


def test_the_systems_clock_is_aware_and_does_not_run_backwards() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-12-01T12:00:00.000Z"),
        (NOON.replace(microsecond=123_999), "2026-12-01T12:00:00.123Z"),
        (datetime(2026, 12, 1, 6, 0, tzinfo=timezone(timedelta(hours=-6))), "2026-12-01T12:00:00.000Z"),
        (None, None),
    ],
)
def test_times_are_written_as_iso_8601_utc(moment: datetime | None, text: str | None) -> None:
    assert iso(moment) == text


# -- problems ----------------------------------------------------------------------------------------------------------


def test_a_problem_says_what_is_wrong_and_what_to_do() -> None:
    problem = UsageProblem("The file is empty.", remedy="Fill it.")
    assert str(problem) == "The file is empty. Fill it."
    assert (problem.kind, problem.message, problem.remedy) == (ProblemKind.USAGE, "The file is empty.", "Fill it.")
    assert str(Problem("Alone.")) == "Alone."


def test_a_kind_given_to_one_problem_stays_with_it() -> None:
    assert UsageProblem("x", kind=ProblemKind.MISSING).kind is ProblemKind.MISSING
    assert UsageProblem("x").kind is ProblemKind.USAGE


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("planted")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        f"{secret!s:>20}",
        repr([secret]),
        repr({1: secret}),
    ]
    for text in shown:
        assert "planted" not in text
    assert secret.reveal() == "planted"


def test_a_secret_is_neither_pickled_nor_changed() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("planted"))
    with pytest.raises(TypeError):
        copy.copy(Secret("planted"))
    with pytest.raises(AttributeError):
        Secret("planted").other = "x"  # type: ignore[attr-defined] # there is no such field


def test_secrets_are_equal_by_text_and_never_to_it() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret("")


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BCIFS_HOME", "BCIFS_PORT", "BCIFS_DATABASE_URL", "BCIFS_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_what_is_given_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.toml").write_text("port = 1001\nconcurrency = 3\n")
    assert load_settings(home=tmp_path).port == 1001
    monkeypatch.setenv("BCIFS_PORT", "1002")
    assert load_settings(home=tmp_path).port == 1002
    assert load_settings(home=tmp_path, port=1003).port == 1003
    assert load_settings(home=tmp_path, port=None).concurrency == 3


def test_the_home_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text("port = 1001\n")
    monkeypatch.setenv("BCIFS_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.home, settings.port) == (tmp_path, 1001)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "sqlite:///{home}/bcifs.db"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:////x.db", "sqlite:////x.db"),
    ],
)
def test_the_store_is_in_the_home_unless_a_database_is_named(tmp_path: Path, given: str, url: str) -> None:
    assert load_settings(home=tmp_path, database_url=given).url == url.format(home=tmp_path)


@pytest.mark.parametrize("wrong", [{"port": 70_000}, {"concurrency": 0}, {"log_format": "loud"}, {"nonsense": 1}])
def test_a_wrong_setting_is_named(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationProblem, match=next(iter(wrong))) as caught:
        load_settings(home=tmp_path, **wrong)
    assert caught.value.remedy


def test_a_wrong_setting_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('port = "many"\n')
    with pytest.raises(ConfigurationProblem, match="port"):
        load_settings(home=tmp_path)


def test_a_lease_outlives_every_request_and_the_time_after_which_it_may_be_sent_again(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, request_deadline_s=20, resend_after_s=40)
    assert settings.lease_s > settings.request_deadline_s + settings.resend_after_s


def test_the_master_key_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    assert "planted" not in repr(load_settings(home=tmp_path, master_key="planted"))
