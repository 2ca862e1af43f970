# ruff: noqa: S603
import subprocess
import sys
from pathlib import Path

import pytest

from alice.runtime import cli
from alice.runtime.config import DEFAULT_DATA_DIR, PROJECT_DIR, read_config
from alice.runtime.errors import CannotRun


def test_nothing_needs_to_be_set():
    config = read_config({})

    assert (config.host, config.port, config.web_workers) == ("127.0.0.1", 8000, 2)
    assert config.data.root == DEFAULT_DATA_DIR
    assert config.database_url == config.redis_url == ""


def test_every_fault_is_named_at_once():
    with pytest.raises(CannotRun, match=r"(?s)PORT.*WEB_WORKERS") as refused:
        read_config({"PORT": "70000", "WEB_WORKERS": "0"})

    assert refused.value.exit_code == 2


def test_a_relative_data_directory_is_seen_from_where_the_command_is_given():
    assert read_config({"ALICE_DATA_DIR": "here"}).data.root == Path.cwd() / "here"


def test_words_after_up_are_refused(capsys):
    assert cli.main(["--port", "80"]) == 2
    assert "up takes no arguments: --port 80" in capsys.readouterr().err


def test_help_names_what_the_environment_decides(capsys):
    assert cli.main(["--help"]) == 0
    assert "ALICE_DATA_DIR" in capsys.readouterr().out


def test_the_supervisor_loads_neither_django_nor_a_database_driver():
    heavy = "{'django', 'psycopg', 'redis', 'celery', 'uvicorn', 'asyncio', 'ssl'}"
    code = f"import sys, alice.runtime.cli; sys.exit(str({heavy} & set(sys.modules)))"

    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=PROJECT_DIR, capture_output=True
    )

    assert ended.stderr == b"set()\n"
