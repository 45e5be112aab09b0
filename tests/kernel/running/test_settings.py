"""Settings: read from the environment, checked, and handed to child processes unchanged."""

from pathlib import Path

import pytest

from fanfare.kernel.running.settings import BadSettings, Settings, from_environment


def test_nothing_set_means_the_defaults() -> None:
    assert from_environment({"FANFARE_PORT": "", "PATH": "/bin"}) == Settings()


def test_the_environment_is_read() -> None:
    result = from_environment(
        {
            "FANFARE_DATA_DIR": "/srv/fanfare",
            "FANFARE_PORT": "0",
            "DATABASE_URL": "postgresql://u@h/d",
            "FANFARE_TRUSTED_PROXIES": "10.0.0.0/8, 192.168.1.1",
            "FANFARE_HEARTBEAT_SECONDS": "1.5",
        }
    )
    assert result.data_dir == Path("/srv/fanfare")
    assert result.port == 0
    assert result.database_url == "postgresql://u@h/d"
    assert result.trusted_proxies == ("10.0.0.0/8", "192.168.1.1")
    assert result.heartbeat_seconds == 1.5


def test_an_option_goes_before_the_environment() -> None:
    assert from_environment({"FANFARE_PORT": "1"}).replace(port=2, host=None).port == 2


def test_a_child_reads_what_its_parent_has() -> None:
    values = Settings(data_dir=Path("/srv/x"), trusted_proxies=("10.0.0.0/8", "::1"), port=0, workers=3)
    assert from_environment(values.environment()) == values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FANFARE_PORT", "eighty"),
        ("FANFARE_PORT", "65536"),
        ("FANFARE_WORKERS", "0"),
        ("FANFARE_LOG_LEVEL", "loud"),
        ("DATABASE_URL", "mysql://h/d"),
        ("FANFARE_HEARTBEAT_SECONDS", "-1"),
        ("FANFARE_TRUSTED_PROXIES", "10.0.0.0/99"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        from_environment({name: value})


def test_every_wrong_setting_is_named_with_what_it_may_be() -> None:
    wrong = {
        "FANFARE_WORKERS": "x",
        "FANFARE_BODY_SECONDS": "soon",
        "FANFARE_TRUSTED_PROXIES": "10.0.0.0/8,x",
        "FANFARE_PORT": "65536",
        "DATABASE_URL": "mysql://user:hunter2@h/d",
    }
    with pytest.raises(BadSettings) as refused:
        from_environment(wrong)
    assert str(refused.value) == (
        "FANFARE_WORKERS is not a number: x; FANFARE_BODY_SECONDS is not a number: soon;"
        " FANFARE_PORT must be from 0 to 65535, not 65536;"
        " FANFARE_TRUSTED_PROXIES must be networks such as 10.0.0.0/8, separated by commas, not 10.0.0.0/8,x;"
        " DATABASE_URL must begin with postgresql:// or postgres://"
    )


def test_a_password_in_the_address_is_not_told() -> None:
    with pytest.raises(BadSettings) as result:
        from_environment({"DATABASE_URL": "mysql://user:hunter2@h/d"})
    assert "hunter2" not in str(result.value)
