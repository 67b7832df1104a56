"""Lesson 7.1: what the model was sent, and what is printed. The README's tests compare the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from lesson_loader import load_lesson, recording_model, run_alone, said

FOLDER = "7_1_basic_sessions"
NAME, ASK_NAME = "user: My name is Alice.", "user: What is my name?"
WORK, ASK_WORK = "user: I work as a developer.", "user: What do I do for work?"
CITY = "user: What city is the Golden Gate Bridge in?"
STATE, CAPITAL = "user: What state is it in?", "user: What is the capital of that state?"


def test_what_the_model_is_sent_in_a_folder_of_its_own(tmp_path: Path) -> None:
    ran = run_alone(FOLDER, tmp_path)
    bridge = [[CITY], [CITY, said(1), STATE], [CITY, said(1), STATE, said(3), CAPITAL]]
    assert ran.sent == [
        *([NAME], [ASK_NAME]),  # without a session
        *([NAME], [NAME, said(1), ASK_NAME]),  # with one
        *([ASK_NAME], [NAME, said(1), ASK_NAME, said(3), ASK_NAME]),
        [ASK_NAME],  # a second object in memory
        *([WORK], [WORK, said(1), ASK_WORK]),  # the file; the second is of the second process
        [STATE],
        *bridge,  # with a session
        *bridge,  # by hand
    ]
    lines = [line for line in ran.printed.splitlines() if line.startswith("  sent, call ")]
    shown = [line.split(": ")[1].split(", ") for line in lines]
    assert [[text.split(":")[0] for text in request] for request in ran.sent[4:]] == shown
    assert "The first finds 4 items now.\n" in ran.printed


async def test_a_failing_second_process_ends_the_lesson_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lesson = load_lesson(FOLDER)
    lesson.agent.model = recording_model()
    capfd.readouterr()  # The name of the model.
    (tmp_path / "agent.py").write_text("import sys; sys.exit('The server is away.')")
    monkeypatch.setattr(lesson, "__file__", str(tmp_path / "agent.py"))
    with pytest.raises(SystemExit) as ended:
        await lesson.file_and_second_process(tmp_path / "s.db")
    assert ended.value.code == 1
    assert capfd.readouterr().err == "The server is away.\n"
