"""Whatever a message says, it is shown safely and nothing is fetched because of it."""

from __future__ import annotations

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
WORD_JOINER = "\u2060"
HOSTILE = """Look: ![picture](https://evil.example/p.png) <img src="https://evil.example/i.png">
<script>document.title = "owned"</script> [link](https://evil.example) :material/home: $x^2$
![][ref] <iframe src="https://evil.example"></iframe> :red[not red]

[ref]: https://evil.example/ref.png

```python
print("in a block")  # ![no](https://evil.example/n.png)
```
"""


def test_request_to_another_machine_is_noticed_and_goes_nowhere(tabs: Tabs) -> None:
    page = tabs.open().open().page
    request = "fetch('https://evil.example/').then(() => 'answered', () => 'failed')"
    assert page.evaluate(request) == "failed"
    assert tabs.hosts == {"localhost", "evil.example"}
    tabs.hosts.clear()


def test_markdown_and_html_in_messages_fetch_nothing(app: App, visitor: Visitor) -> None:
    app.store("hostile", [user(HOSTILE), assistant(HOSTILE)])
    visitor.open("hostile")
    reply = visitor.replies.first
    expect(reply.locator("code").filter(has_text="in a block")).to_be_visible()
    assert ":red[not red]" in reply.inner_text().replace(WORD_JOINER, "")
    for message in (reply, visitor.questions.first):
        expect(message.locator("img:not([alt*=avatar])")).to_have_count(0)
        expect(message.locator("iframe, script")).to_have_count(0)
    expect(visitor.questions.first).to_contain_text("![picture](https://evil.example/p.png)")
    assert visitor.page.title() == "Session lab"
    for name in ("Sent to model", "Code", "Database"):
        visitor.tab(name)
    visitor.press("Clear session")


def test_hostile_text_is_safe_while_it_streams(app: App, visitor: Visitor) -> None:
    visitor.open()
    visitor.create("echo")
    visitor.say("My name is ![x](https://evil.example/x.png).")
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("From item 1")
    expect(visitor.replies.last.locator("img:not([alt*=avatar])")).to_have_count(0)
    assert len(app.rows("echo")) == 4


def test_any_script_and_direction(app: App, visitor: Visitor) -> None:
    app.store("scripts", [])
    visitor.open("scripts")
    texts = (
        "שלום, שמי דנה ואני גרה בחיפה.",
        "اسمي ليلى وأعيش في القاهرة.",
        "我叫小明，我住在北京。",
        "zwei\nZeilen\n\nund mehr",
    )
    for number, text in enumerate(texts):
        visitor.say(text)
        expect(visitor.questions.last).to_contain_text(text.splitlines()[0])
        assert app.rows("scripts")[2 * number] == user(text)


def test_only_spaces_send_nothing(app: App, visitor: Visitor) -> None:
    app.store("spaces", [user("Hi."), assistant("Hello.")])
    visitor.open("spaces").send("   \n  ")
    visitor.settled()
    expect(visitor.questions).to_have_count(1)
    assert len(app.rows("spaces")) == 2


def test_message_of_100_kilobytes(app: App, visitor: Visitor) -> None:
    text = "My name is Alice. " + "words " * 17_000
    visitor.open()
    visitor.create("large")
    visitor.say(text)
    assert app.rows("large")[0]["content"].strip() == text.strip()
    visitor.questions.first.get_by_text("Show all 102").click()
    expect(visitor.questions.first).to_contain_text(text.strip()[-2000:])
    visitor.settled()
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Alice")
    for name in ("Sent to model", "Code", "Database"):
        visitor.tab(name)
