"""Which model the environment leads to, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from agents import Agent
from agents.models import _openai_shared, get_default_model
from agents.testing import ScriptedModel
from loopback_server import Answer, LoopbackServer

from session_lab.models import choose as model_choice
from session_lab.models.choose import ModelChoiceError, choose_model, describe_model
from session_lab.models.offline import OfflineModel
from session_lab.models.servers import ServerChatModel, ServerResponsesModel

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-0123456789abcdef"
SERVER = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def tracing(openai_unset: None, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """An environment and an SDK as at the start of a program; what tracing was switched to."""
    switched: list[bool] = []
    monkeypatch.setattr(model_choice, "set_tracing_disabled", switched.append)
    monkeypatch.setattr(_openai_shared, "_default_openai_client", None)
    return switched


def describe(**environment: str) -> str:
    os.environ.update(environment)
    return describe_model(choose_model())


@pytest.mark.parametrize("key", [None, "", "  ", "\t", model_choice.KEY_PLACEHOLDER])
def test_without_a_key_the_offline_model_answers(key: str | None, tracing: list[bool]) -> None:
    if key is not None:
        os.environ["OPENAI_API_KEY"] = key
    assert isinstance(choose_model(), OfflineModel)
    assert tracing == [True]
    assert describe() == (
        "Model: offline (embedded, no key; it answers only from the items it is sent)"
    )


def test_the_placeholder_is_the_one_in_env_example() -> None:
    lines = (ROOT / "env.example").read_text(encoding="utf-8").splitlines()
    assert f"OPENAI_API_KEY={model_choice.KEY_PLACEHOLDER}" in lines
    active = [line for line in lines if line and not line.startswith("#")]
    assert len(active) == 1, "a copy of env.example must change nothing"


def test_a_key_means_openai_with_the_defaults_of_the_sdk(tracing: list[bool]) -> None:
    os.environ["OPENAI_API_KEY"] = f" {KEY} "
    model = choose_model()
    assert model == get_default_model()
    agent = Agent("Assistant", model=model)
    assert agent.model_settings == Agent("Assistant").model_settings
    assert agent.model_settings.reasoning is not None, "the SDK's settings for its default model"
    client = _openai_shared.get_default_openai_client()
    assert client is not None
    assert (client.api_key, str(client.base_url)) == (KEY, "https://api.openai.com/v1/")
    assert tracing == [], "with OpenAI the SDK decides about tracing"
    assert describe_model(model) == f"Model: {model} at OpenAI"


def test_with_openai_the_model_can_be_named() -> None:
    assert describe(OPENAI_API_KEY=KEY, OPENAI_DEFAULT_MODEL="gpt-4.1") == (
        "Model: gpt-4.1 at OpenAI"
    )


def test_blank_variables_do_not_reach_the_sdk() -> None:
    os.environ.update(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=" ", OPENAI_DEFAULT_MODEL="")
    model = choose_model()
    assert model == get_default_model() != ""
    client = _openai_shared.get_default_openai_client()
    assert client is not None and client.base_url.host == "api.openai.com"


def test_a_server_speaks_chat_completions_unless_told_otherwise(tracing: list[bool]) -> None:
    os.environ.update(OPENAI_BASE_URL=SERVER, OPENAI_DEFAULT_MODEL="llama3.2")
    assert isinstance(choose_model(), ServerChatModel)
    assert describe() == f"Model: llama3.2 at {SERVER} (Chat Completions)"
    assert isinstance(choose_model(), ServerChatModel)
    responses = describe(OPENAI_COMPATIBLE_API="responses")
    assert responses == f"Model: llama3.2 at {SERVER} (Responses)"
    assert isinstance(choose_model(), ServerResponsesModel)
    assert tracing and all(tracing)


def test_a_server_wins_over_a_key_and_is_sent_that_key() -> None:
    os.environ.update(OPENAI_BASE_URL=SERVER, OPENAI_DEFAULT_MODEL="x", OPENAI_API_KEY=KEY)
    model = choose_model()
    assert isinstance(model, ServerChatModel)
    assert model._client.api_key == KEY
    os.environ["OPENAI_API_KEY"] = model_choice.KEY_PLACEHOLDER
    model = choose_model()
    assert isinstance(model, ServerChatModel)
    assert model._client.api_key == "no-key-needed"


def test_equal_settings_give_the_same_model() -> None:
    assert choose_model() is choose_model()
    os.environ.update(OPENAI_BASE_URL=SERVER, OPENAI_DEFAULT_MODEL="one")
    first = choose_model()
    assert choose_model() is first
    os.environ["OPENAI_DEFAULT_MODEL"] = "two"
    assert choose_model() is not first


def test_a_server_that_lists_one_model_needs_no_name() -> None:
    with LoopbackServer() as server:
        line = describe(OPENAI_BASE_URL=server.url)
        choose_model()
        assert line == f"Model: tiny-model at {server.url} (Chat Completions)"
        assert [request.path for request in server.requests] == ["/v1/models"], "asked once"


@pytest.mark.parametrize(
    ("models", "answer", "message"),
    [
        (["a", "b"], None, "lists 2 models (a, b). Set OPENAI_DEFAULT_MODEL to the one to use."),
        (list("abcdefg"), None, "lists 7 models (a, b, c, d, e, ...). Set OPENAI_DEFAULT_MODEL"),
        ([], None, "lists 0 models. Set OPENAI_DEFAULT_MODEL to the one to use."),
        ([], Answer(200, "<p>Hi</p>", "text/html"), "not like an OpenAI-compatible server"),
        ([], Answer(404, "404 page not found", "text/plain"), "Correct OPENAI_BASE_URL"),
        ([], Answer(401, '{"error": "no"}'), "refused the API key (401)"),
    ],
)
def test_a_server_that_does_not_lead_to_one_model(
    models: list[str], answer: Answer | None, message: str
) -> None:
    with LoopbackServer() as server:
        server.models, server.answer = models, answer
        with pytest.raises(ModelChoiceError) as raised:
            describe(OPENAI_BASE_URL=server.url)
        assert str(raised.value).startswith(server.url)
        assert message in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENAI_BASE_URL", "localhost:11434/v1", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://[::1/v1", "must be a full address such as"),
        ("OPENAI_BASE_URL", "http://localhost:http/v1", "must be a full address such as"),
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


def test_what_is_said_of_a_server_leaves_out_its_password() -> None:
    url = "http://user:secret@127.0.0.1:9/v1"
    line = describe(OPENAI_BASE_URL=url, OPENAI_DEFAULT_MODEL="x")
    assert line == "Model: x at http://127.0.0.1:9/v1 (Chat Completions)"


def test_any_other_model_is_called_by_its_class() -> None:
    assert describe_model(ScriptedModel([])) == "Model: ScriptedModel"
    assert describe_model(None) == f"Model: {get_default_model()} at OpenAI"


# The .env file


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "root" / ".env"
    path.parent.mkdir()
    assert path.parent.parent != model_choice.ENV_FILE.parent
    monkeypatch.setattr(model_choice, "ENV_FILE", path)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED")
    return path


def test_the_env_file_stands_at_the_root() -> None:
    assert model_choice.ENV_FILE == ROOT / ".env"


def test_the_env_file_is_read_from_any_folder(
    env_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_DEFAULT_MODEL=gpt-4.1\n")
    (tmp_path / ".env").write_text("OPENAI_DEFAULT_MODEL=wrong\n")
    monkeypatch.chdir(tmp_path)
    assert describe() == "Model: gpt-4.1 at OpenAI"


def test_the_environment_wins_over_the_env_file(env_file: Path) -> None:
    env_file.write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_DEFAULT_MODEL=from-file\n")
    assert describe(OPENAI_DEFAULT_MODEL="from-shell") == "Model: from-shell at OpenAI"
    os.environ["OPENAI_API_KEY"] = ""
    assert isinstance(choose_model(), OfflineModel), "set to nothing in the shell: no key"


def test_an_unchanged_copy_of_env_example_means_offline(env_file: Path) -> None:
    env_file.write_bytes((ROOT / "env.example").read_bytes())
    assert isinstance(choose_model(), OfflineModel)


def test_an_env_file_of_a_windows_editor(env_file: Path) -> None:
    env_file.write_bytes(b"\xef\xbb\xbf" + f"OPENAI_API_KEY={KEY}\r\n".encode())
    assert isinstance(choose_model(), str)
    env_file.write_text(f"OPENAI_API_KEY={KEY}", encoding="utf-16")
    with pytest.raises(ModelChoiceError, match="save it in UTF-8"):
        choose_model()


# A program that chooses


def test_a_program_that_cannot_choose_while_it_is_imported_ends_with_the_line() -> None:
    program = "from session_lab.models.choose import choose_model; choose_model()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "OPENAI_COMPATIBLE_API": "soap"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "OPENAI_COMPATIBLE_API is 'soap': set it to chat_completions or responses.\n"
    )


def test_the_model_is_named_once_on_stderr_and_nothing_is_sent_to_openai() -> None:
    program = (
        "import asyncio\n"
        "from agents import Agent, Runner\n"
        "from session_lab.models import choose_model\n"
        "choose_model()\n"
        "async def main():\n"
        "    result = await Runner.run(Agent('A', model=choose_model()), 'My name is Ada.')\n"
        "    print(bool(result.final_output))\n"
        "asyncio.run(main())\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "True\n")
    offline = "Model: offline (embedded, no key; it answers only from the items it is sent)\n"
    assert done.stderr == offline
