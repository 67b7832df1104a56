"""Which model the environment leads to, and what is said about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from agents import Agent
from agents.models import get_default_model
from agents.testing import ScriptedModel
from loopback_server import Answer, LoopbackServer
from readme_checks import ROOT

from session_lab.models import choose
from session_lab.models.choose import ModelChoiceError, choose_model, describe_model
from session_lab.models.offline import OfflineModel

KEY = "sk-test-0123456789abcdef"
SERVER = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def tracing(openai_unset: None, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """An environment as at the start of a program; what tracing was switched to."""
    switched: list[bool] = []
    monkeypatch.setattr(choose, "set_tracing_disabled", switched.append)
    return switched


def describe(**environment: str) -> str:
    os.environ.update({f"OPENAI_{name}": value for name, value in environment.items()})
    return describe_model(choose_model())


@pytest.mark.parametrize("key", [None, "", "  ", "\t", choose.KEY_PLACEHOLDER])
def test_without_a_key_the_offline_model_answers(key: str | None, tracing: list[bool]) -> None:
    if key is not None:
        os.environ["OPENAI_API_KEY"] = key
    assert describe() == (
        "Model: offline (embedded, no key; it answers only from the items it is sent)"
    )
    assert tracing == [True]


def test_a_key_means_openai_with_the_defaults_of_the_sdk(tracing: list[bool]) -> None:
    # Blank variables must not reach the SDK.
    os.environ.update(OPENAI_API_KEY=f" {KEY} ", OPENAI_BASE_URL=" ", OPENAI_DEFAULT_MODEL="")
    model = choose_model()
    assert model == get_default_model() != ""
    settings = Agent("Assistant", model=model).model_settings
    assert settings == Agent("Assistant").model_settings
    assert settings.reasoning is not None, "the SDK's settings for its default model"
    assert describe_model(model) == describe_model(None) == f"Model: {model} at OpenAI"
    assert describe(DEFAULT_MODEL="gpt-4.1") == "Model: gpt-4.1 at OpenAI"
    assert tracing == [], "with OpenAI the SDK decides about tracing"


def test_a_server_wins_over_a_key_and_speaks_chat_completions(tracing: list[bool]) -> None:
    url = "http://user:secret@127.0.0.1:9/v1"
    line = describe(BASE_URL=url, DEFAULT_MODEL="llama3.2", API_KEY=KEY)
    assert line == f"Model: llama3.2 at {SERVER} (Chat Completions)", "without the password"
    assert describe(COMPATIBLE_API="responses") == f"Model: llama3.2 at {SERVER} (Responses)"
    assert describe(BASE_URL=choose.OPENAI_URL) == "Model: llama3.2 at OpenAI (Responses)"
    assert tracing == [True, True, True]


def test_equal_settings_give_the_same_model() -> None:
    assert choose_model() is choose_model()
    os.environ.update(OPENAI_BASE_URL=SERVER, OPENAI_DEFAULT_MODEL="one")
    first = choose_model()
    assert choose_model() is first
    os.environ["OPENAI_DEFAULT_MODEL"] = "two"
    assert choose_model() is not first


def test_a_server_that_lists_one_model_needs_no_name() -> None:
    with LoopbackServer() as server:
        line = describe(BASE_URL=server.url)
        choose_model()
        assert line == f"Model: tiny-model at {server.url} (Chat Completions)"
        assert [request.path for request in server.requests] == ["/v1/models"], "asked once"
        server.answer = Answer(body='{"data": [{"object": "model"}, {"id": "named"}]}')
        line = describe(BASE_URL=f"{server.url}/")
        assert line == f"Model: named at {server.url} (Chat Completions)", "the other has no name"


@pytest.mark.parametrize(
    ("models", "answer", "message"),
    [
        (["a", "b"], None, "lists 2 models (a, b). Set OPENAI_DEFAULT_MODEL to the one to use."),
        (list("abcdefg"), None, "lists 7 models (a, b, c, d, e, ...). Set OPENAI_DEFAULT_MODEL"),
        ([], None, "lists 0 models. Set OPENAI_DEFAULT_MODEL to the one to use."),
        ([], Answer(body='{"data": null}'), "lists 0 models. Set OPENAI_DEFAULT_MODEL to the one"),
        ([], Answer(body='{"data": ["a"]}'), "not like an OpenAI-compatible server"),
        ([], Answer(200, "<p>Hi</p>", "text/html"), "not like an OpenAI-compatible server"),
        ([], Answer(401, '{"error": "no"}'), "refused the API key (401)"),
    ],
)
def test_a_server_that_does_not_lead_to_one_model(
    models: list[str], answer: Answer | None, message: str
) -> None:
    with LoopbackServer() as server:
        server.models, server.answer = models, answer
        with pytest.raises(ModelChoiceError) as raised:
            describe(BASE_URL=server.url)
        assert str(raised.value).startswith(server.url)
        assert message in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENAI_BASE_URL", "localhost:11434/v1", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://[::1/v1", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:99999/v1", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:0/v1", "must be a full address such as"),
        ("OPENAI_COMPATIBLE_API", "chat", "'chat': set it to chat_completions or responses"),
        ("OPENAI_TIMEOUT", "soon", "'soon': set it to a number of seconds"),
        ("OPENAI_TIMEOUT", "-1", "'-1': set it to a number of seconds"),
        ("OPENAI_TIMEOUT", "nan", "'nan': set it to a number of seconds"),
        ("OPENAI_API_KEY", "sk-two words", "holds a space or a character that no key has"),
        ("OPENAI_API_KEY", "sk-schlüssel", "holds a space or a character that no key has"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str, message: str) -> None:
    os.environ[name] = value
    with pytest.raises(ModelChoiceError) as raised:
        choose_model()
    assert name in str(raised.value) and message in str(raised.value)
    assert "words" not in str(raised.value) and "schl" not in str(raised.value)


def test_any_other_model_is_called_by_its_class() -> None:
    assert describe_model(ScriptedModel([])) == "Model: ScriptedModel"


# The .env file


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of the one at the root, with another in the folder where the program runs."""
    assert choose.ENV_FILE == ROOT / ".env"
    path = tmp_path / "root" / ".env"
    path.parent.mkdir()
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_DEFAULT_MODEL=wrong\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choose, "ENV_FILE", path)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED")
    return path


def test_the_env_file_is_read_and_the_environment_wins_over_it(env_file: Path) -> None:
    env_file.write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_DEFAULT_MODEL=from-file\n")
    assert describe() == "Model: from-file at OpenAI"
    assert describe(DEFAULT_MODEL="from-shell") == "Model: from-shell at OpenAI"
    os.environ["OPENAI_API_KEY"] = ""
    assert isinstance(choose_model(), OfflineModel), "set to nothing in the shell: no key"


def test_an_unchanged_copy_of_env_example_means_offline(env_file: Path) -> None:
    lines = (ROOT / "env.example").read_text(encoding="utf-8").splitlines()
    assert f"OPENAI_API_KEY={choose.KEY_PLACEHOLDER}" in lines
    assert len([line for line in lines if line and not line.startswith("#")]) == 1
    env_file.write_bytes((ROOT / "env.example").read_bytes())
    assert isinstance(choose_model(), OfflineModel)


def test_an_env_file_of_a_windows_editor(env_file: Path) -> None:
    env_file.write_bytes(b"\xef\xbb\xbf" + f"OPENAI_API_KEY={KEY}\r\n".encode())
    assert isinstance(choose_model(), str)
    env_file.write_text(f"OPENAI_API_KEY={KEY}", encoding="utf-16")
    with pytest.raises(ModelChoiceError, match="save it in UTF-8"):
        choose_model()
