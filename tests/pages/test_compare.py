"""Compare: both replies, both requests, and the rows' proof."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message
from lab_tools import Gate
from page_tools import Open, Page, store

from session_lab.code_view.agents import make_agent
from session_lab.history.items import user_item
from session_lab.models.offline import estimate_tokens
from session_lab.pages import recall_view, session_choice
from session_lab.pages.open_lab import wait_for
from session_lab.runs.recall import POLICIES, Probe, Recall

QUESTION = "What is my name?"


@pytest.fixture
def page(page: Page) -> Page:
    return page.go("compare")


@pytest.fixture
def ready(page: Page) -> Page:
    return page.press("Create two users")


@pytest.fixture
def policies(ready: Page, db_path: Path) -> Page:
    said = ("My name is Alice.", "I live in Oslo.", "I work as a nurse.")
    store(db_path, "long", *map(user_item, said))
    ready.app.button_group[0].set_value("Two memory policies")
    return ready.choose("Session", "long")


def session_ids(page: Page) -> list[str]:
    found = page.query("SELECT DISTINCT session_id FROM agent_messages ORDER BY 1")
    return [session_id for (session_id,) in found]


def test_a_first_visitor_makes_two_sessions(page: Page) -> None:
    assert "a comparison needs two" in page.app.info[0].value
    page.press("Create two users")
    assert session_ids(page) == ["user_123", "user_456"]
    assert [box.value for box in page.app.selectbox[1:]] == ["user_123", "user_456"]


def test_one_question_gets_two_answers_of_the_chosen_agent(ready: Page) -> None:
    shown = ready.choose("Agent", "Support").press(QUESTION).shown
    assert '"My name is Alice."' in shown and '"My name is Bob."' in shown
    assert shown.count("**Stored**: 2 items") == shown.count("**Sent**: 3 items") == 2
    assert shown.count("**Stored by this turn**: 2 items") == 2
    assert shown.count("**Support** · 2 items stored") == 2
    assert "Stop" not in [button.label for button in ready.app.button]
    assert "**No row belongs to both**" in shown
    assert "“My name is Alice\\.” (row 1 of user\\_123) stands in no row of user\\_456." in shown
    assert set(ready.app.dataframe[0].value["session_id"]) == {"user_123", "user_456"}
    assert "SELECT count(*) AS shared_rows FROM agent_messages" in ready.app.code[-1].value
    for session_id in ("user_123", "user_456"):
        assert ready.rows(session_id)[2] == user_item(QUESTION)
        assert len(ready.rows(session_id)) == 4
    assert ready.go("chat").go("compare").shown == shown, "it is found again"


def test_both_strips_have_one_scale(ready: Page, db_path: Path) -> None:
    store(db_path, "long", *[user_item("A few words of this conversation.")] * 20)
    ready.choose("Second session", "long").press(QUESTION)
    strips = ready.html.split('role="img"')[1:]
    widths = [sum(map(int, re.findall(r"flex:(\d+) 1 0", strip))) for strip in strips]
    assert len(widths) == 2 and widths[0] == widths[1] > 100
    assert [strip.count("<div title=") for strip in strips] == [3, 21], "and the next message"


def test_another_choice_shows_what_is_stored_there_with_its_name_as_typed(
    ready: Page, db_path: Path
) -> None:
    store(db_path, "**bold** [x](y)", user_item("My name is Carol."))
    shown = ready.say(QUESTION).choose("Second session", "**bold** [x](y)").shown
    assert "B: \\*\\*bold\\*\\* \\[x\\]\\(y\\)" in shown
    assert "Stored by this turn" not in shown
    assert "1 item stored" in shown
    assert '"My name is Carol."' in ready.say(QUESTION).shown


def test_spaces_and_a_message_to_one_session_twice_are_not_sent(ready: Page) -> None:
    assert "Stored by this turn" not in ready.say("   ").shown
    ready.choose("Second session", "user_123")
    assert "This is one session twice" in ready.app.warning[0].value
    assert "waits in the input" in ready.say(QUESTION).app.toast[0].value
    assert len(ready.rows("user_123")) == len(ready.rows("user_456")) == 2


def test_some_sessions_are_listed_and_more_are_found(
    ready: Page, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_choice, "LISTED", 3)
    for number in range(5):
        store(db_path, f"many_{number}", user_item(f"My name is Number{number}."))
    listed = ready.run().app.selectbox[1].options
    more = next(n for n in range(5) if f"many_{n} · File" not in listed)
    ready.fill("Find a session", f"Number{more}.").run().choose("Second session", f"many_{more}")
    assert f'"My name is Number{more}."' in ready.say(QUESTION).shown


def test_two_policies_give_two_answers_and_leave_the_session_alone(policies: Page) -> None:
    shown = policies.say(QUESTION).shown
    assert "A: Everything" in shown and "B: Last 2 items" in shown
    assert '"My name is Alice."' in shown
    assert "Nothing in the 3 items I was sent says that." in shown
    assert "Outside the last 2 items" in shown
    assert "**long is as it was before**: 3 rows, the last is row 7" in shown
    assert "Two copies in memory are asked" in shown
    assert session_ids(policies) == ["long", "user_123", "user_456"]
    policies.choose("Memory of copy A", "Last N turns")
    policies.app.number_input[0].set_value(1).run()
    assert "A: Last turn" in policies.say(QUESTION).shown


def test_a_six_turn_example_shows_at_once_what_a_policy_lost(page: Page) -> None:
    page.press("Create a six-turn example").press(QUESTION)
    assert "**A answered from item 1\\. B was not sent item 1\\.**" in page.shown
    told = ("12 of 12 stored items were sent", "4 of 12 stored items were sent")
    assert all(each in page.html for each in told)
    # As in the label below each reply, instructions and tools included.
    strips = re.findall(r"were sent, about (\d+) of (\d+) tokens\.</div>", page.html)
    labels = [int(n) for n in re.findall(r"about (\d+) tokens in", "\n".join(page.replies))]
    question = estimate_tokens([user_item(QUESTION)])
    assert [int(sent) + question for sent, _ in strips] == labels
    assert strips[0][0] == strips[0][1] == strips[1][1]
    assert session_ids(page) == ["six_turns"]


def test_recall_says_what_it_will_cost_and_what_each_policy_found(page: Page) -> None:
    page.app.button_group[0].set_value("Recall")
    page.run()
    assert "Makes **64 model calls**: 8 turns and 8 probes under each of 4 policies" in page.shown
    page.press("Run")
    assert "One conversation, four memories" in page.shown
    found = "Everything 8, Last 6 items 3, Last 3 turns 3, Summary 8"
    assert f"**Recalled of 8 facts: {found}.**" in page.shown
    assert page.html.count("✓ recalled") == 22 and page.html.count("○ not sent") == 10
    line, point = json.loads(page.app.get("vega_lite_chart")[0].proto.spec)["layer"]
    for channel in (line["encoding"]["strokeDash"], point["encoding"]["shape"]):
        assert channel["scale"]["domain"] == list(map(str, POLICIES))
        assert len({str(mark) for mark in channel["scale"]["range"]}) == len(POLICIES)
    assert "Recall(make_agent" in page.app.code[0].value
    assert session_ids(page) == []


def test_recall_replays_a_session_with_typed_probes_and_its_code_prints_the_csv(
    page: Page, db_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for said in ("My name is Alice.", "I like tea."):
        store(db_path, "mine", user_item(said))
    page.app.button_group[0].set_value("Recall")
    page.choose("Conversation", "The user's messages of a session").choose("Session", "mine")
    assert "type a probe" in page.press("Run").shown
    page.app.text_area[0].set_value("What is my name? | Alice\nNo probe")
    page.press("Run")
    assert "No probe: A probe is a question" in page.app.warning[0].value
    assert "**Recalled of 1 fact: Everything 1, Last 6 items 1" in page.shown
    exec(page.app.code[0].value, {})
    assert capsys.readouterr().out.splitlines() == [
        "policy,fact,told_in_turn,recalled",
        *(f"{each},My name is Alice.,1,yes" for each in map(str, POLICIES)),
    ]
    assert len(page.rows("mine")) == 2, "nothing is stored"


@pytest.fixture
def gate() -> Gate:
    return Gate("Hello.")


@pytest.fixture
def running(page: Page, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Recall:
    """A replay of two messages, which waits in the second until the gate or a page opens it."""

    class Watched(Recall):
        def follow(self, every: float = 0.1) -> Iterator[None]:
            gate.open()
            return super().follow(every)

    async def begin() -> Recall:
        reply = [assistant_message("Alice.")]
        model = ScriptedModel([reply, ModelStep(responder=gate), reply, reply])
        agent = make_agent("Assistant", model)
        return Watched(agent, list(facts), list(facts.values()), POLICIES[:1])

    facts = {"Hi.": Probe(QUESTION, "Alice"), "I live in Oslo.": Probe("Where?", "Oslo")}
    monkeypatch.setattr(recall_view, "EIGHT_FACTS", facts)
    page.app.button_group[0].set_value("Recall")
    page.run()
    recall = wait_for(begin())
    assert gate.reached.wait(10)
    return recall


def test_recall_that_is_pressed_twice_runs_once(page: Page, running: Recall) -> None:
    page.set("recall", {"recall": running, "is_pressed": True})
    assert running.is_done
    assert page.app.session_state["recall"] == {"recall": running}


def test_a_stop_of_recall_is_no_error(page: Page, running: Recall) -> None:
    wait_for(running.stop())
    page.set("recall", {"recall": running})
    assert "**Stopped: 0 of 2 probes were asked. Recalled: Everything 0 of 0.**" in page.shown
    assert page.html.count("not asked") == 2
    assert page.html.count("not run") == 2, "the second turn, and so the total"
    assert not page.app.error


def test_sessions_that_are_only_read_are_compared_in_copies(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs.db"
    for name in ("one", "two"):
        store(theirs, name, user_item("My name is Alice."))
    monkeypatch.setattr("sys.argv", ["streamlit_sessions_app.py", "--open", str(theirs)])
    page = open_page("one").go("compare")
    assert "is only read" in page.app.info[0].value
    assert "waits in the input" in page.say(QUESTION).app.toast[0].value
    page.app.button_group[0].set_value("Two memory policies")
    page.run().say(QUESTION)
    assert '"My name is Alice."' in page.shown and not page.app.error
