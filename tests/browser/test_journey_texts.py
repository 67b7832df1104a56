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


def test_a_picture_of_another_machine_is_noticed_and_stays_there(tabs: Tabs) -> None:
    page, url = tabs.open().open().page, "https://evil.example/noticed.png"
    assert (
        page.evaluate(
            """url => new Promise(done => {
            const picture = new Image()
            picture.onload = () => done('loaded')
            picture.onerror = () => done('failed')
            picture.src = url
        })""",
            url,
        )
        == "failed"
    )
    assert tabs.elsewhere == {url}
    tabs.elsewhere.clear()


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


def test_a_reply_is_copied_as_it_is_stored(app: App, visitor: Visitor) -> None:
    app.store("copied", [user("Hi."), assistant(WRITTEN + SLY)])
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.open("copied").button("Copy").click()
    expect(visitor.button("Copied")).to_be_visible()
    assert visitor.page.evaluate("navigator.clipboard.readText()") == WRITTEN + SLY


def test_replies_read_as_they_are_stored_and_as_markdown(app: App, visitor: Visitor) -> None:
    app.store("written", [user(WRITTEN), assistant(WRITTEN), assistant('{"a":  [1]}')])
    visitor.open("written")
    assert as_written(visitor.replies.first) == as_written(visitor.questions.first) == WRITTEN
    assert visitor.replies.last.locator("code").inner_text() == '{"a":  [1]}'
    visitor.page.get_by_text("Markdown", exact=True).click()
    code = visitor.replies.first.locator("code")
    expect(code).to_have_count(2)
    assert code.all_inner_texts() == ["x[1:2:3]", "values = x[1:2:3]  # ~5\n    deeper"]
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


def test_each_message_begins_where_its_own_script_begins(app: App, visitor: Visitor) -> None:
    texts = (
        "שלום, שמי דנה ואני גרה בחיפה.",
        "اسمي ليلى وأعيش في القاهرة.",
        "我叫小明，我住在北京。",
    )
    app.store("scripts", list(map(user, texts)))
    visitor.open("scripts")
    for question, text in zip(visitor.questions.all(), texts, strict=True):
        assert as_written(question) == text
        direction = "e => getComputedStyle(e).unicodeBidi"
        assert question.locator(".as-written").evaluate(direction) == "plaintext"


def test_print_holds_the_whole_conversation(app: App, visitor: Visitor) -> None:
    app.store("long", [assistant(f"line {number}\n" * 9) for number in range(20)])
    visitor.open("long").page.emulate_media(media="print")
    conversation = visitor.page.locator(".st-key-conversation")
    height, content = conversation.evaluate("e => [e.clientHeight, e.scrollHeight]")
    page = visitor.page.evaluate("document.documentElement.scrollHeight")
    assert page > height >= content > 3000
    visitor.page.emulate_media(media="screen")
