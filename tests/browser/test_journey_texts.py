"""Whatever a message says, it is shown safely and nothing is fetched because of it."""

from __future__ import annotations

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import Locator, expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
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


SLY = """[a](javascript:document.title='owned') <img src="https://evil.example/i.png" onerror="x()">
<script>document.title = "owned"</script> <iframe src="https://evil.example"></iframe>"""
WRITTEN = """See http://localhost:8501/docs for `x[1:2:3]` at 12:30:45.

- A list:
  ```python
  values = x[1:2:3]  # ~5
      deeper
  ```
Range 5~10 or 20~30, ~$0.79. 2*3*4 = 24, snake_case_name, C:\\temp\\new, $5 and $6.
A line ends here,
and here."""


def as_written(message: Locator) -> str:
    """What somebody reads in a message that is shown as it is stored."""
    return message.locator(".as-written").inner_text()


def test_replies_read_as_they_are_stored_and_as_markdown(app: App, visitor: Visitor) -> None:
    app.store("written", [user(WRITTEN), assistant(WRITTEN), assistant('{"a":  [1]}')])
    visitor.open("written")
    assert as_written(visitor.replies.first) == as_written(visitor.questions.first) == WRITTEN
    assert visitor.replies.last.locator("code").inner_text() == '{"a":  [1]}'
    visitor.page.get_by_text("Markdown", exact=True).click()
    code = visitor.replies.first.locator("code")
    expect(code).to_have_count(2)
    assert code.all_inner_texts() == ["x[1:2:3]", "values = x[1:2:3]  # ~5\n    deeper"]
    link = visitor.replies.first.get_by_role("link")
    assert (link.inner_text(), link.get_attribute("href")) == ("http://localhost:8501/docs",) * 2
    visitor.page.reload()
    expect(code).to_have_count(2)
    assert as_written(visitor.questions.first) == WRITTEN


def test_markdown_and_html_in_messages_fetch_nothing(app: App, visitor: Visitor) -> None:
    app.store("hostile", [user(HOSTILE), assistant(HOSTILE), assistant(SLY)])
    visitor.open("hostile")
    assert as_written(visitor.replies.first) == as_written(visitor.questions.first) == HOSTILE
    for _ in ("as written", "as Markdown"):
        for message in (*visitor.replies.all(), visitor.questions.first):
            expect(message.locator("img:not([alt*=avatar])")).to_have_count(0)
            expect(message.locator("iframe, script, [href^=javascript]")).to_have_count(0)
        assert visitor.page.title() == "Session lab"
        visitor.page.get_by_text("Markdown", exact=True).click()
        visitor.settled()
    for name in ("Memory", "Code", "Database"):
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
        start = "e => getComputedStyle(e.querySelector('.as-written')).unicodeBidi"
        assert visitor.questions.last.evaluate(start) == "plaintext"
        assert app.rows("scripts")[2 * number] == user(text)


def test_print_holds_the_whole_conversation(app: App, visitor: Visitor) -> None:
    app.store("long", [assistant(f"line {number}\n" * 9) for number in range(20)])
    visitor.open("long").page.emulate_media(media="print")
    conversation = visitor.page.locator(".st-key-conversation")
    height, content = conversation.evaluate("e => [e.clientHeight, e.scrollHeight]")
    page = visitor.page.evaluate("document.documentElement.scrollHeight")
    assert page > height >= content > 3000
    visitor.page.emulate_media(media="screen")


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
    for name in ("Memory", "Code", "Database"):
        visitor.tab(name)
