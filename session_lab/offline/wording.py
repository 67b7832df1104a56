"""Every sentence that the offline model can say, with gaps for what the request holds."""

from __future__ import annotations

SAY = {
    "noted": "Noted: {}.",
    "long": "Noted: a message of {} characters.",
    "told": "You told me: {}.",
    "replied": "My earlier replies say: {}.",
    "yes": "Yes: {}.",
    "no": "No: {}.",
    "unknown": "I don't know: none of the {} items I was sent says so.",
    "unknown_one": "I don't know: the one item I was sent does not say so.",
    "unknown_order": "I don't know: neither an item I was sent nor a tool says so.",
    "real_model": "I am the offline model: I only repeat and look up what I was sent. For this,"
    " use a real model: set OPENAI_API_KEY or OPENAI_BASE_URL in .env.",
    "self": "I am the offline model, a stand-in without a language model: I answer only from the"
    " items of this request, a small table of facts and arithmetic. For a real model, set"
    " OPENAI_API_KEY or OPENAI_BASE_URL in .env.",
    "empty": "Your message is empty.",
    "silence": "I was sent no message of yours.",
    "hello": "Hello. Tell me something, then ask me about it.",
    "fine": "I am ready. Tell me something, then ask me about it.",
    "thanks": "You are welcome.",
    "bye": "Goodbye.",
    "ok": "All right.",
    "forget": "I keep nothing between requests, so I have nothing to forget. Remove the items from"
    " the session, with pop_item or clear_session, and I am not sent them again.",
    "count": "I was sent {} of yours, this one included.",
    "items": "I was sent {}.",
    "none": "There is none in the {} I was sent.",
    "nothing_said": "You said nothing before this message.",
    "nothing_asked": "You asked nothing before this message.",
    "you_said": "You said: “{}”",
    "you_asked": "You asked: “{}”",
    "i_said": "I said: “{}”",
    "no_summary": "There is nothing to summarize yet.",
    "item": "item",
    "message": "message",
    "question": "question",
    "in": "{} is in {}.",
    "of": "The {} of {} is {}.",
    "opened": "{} opened in {}.",
    "calculation": "{} = {}.",
    "zero": "Division by zero has no result.",
    "huge": "The result of that is too large to write out.",
    "summary_said": "- User said: {}",
    "summary_asked": "- User asked: {}",
    "summary_replied": "- Assistant said: {}",
    "summary_tool": "- Tool said: {}",
    "ask_argument": "Which {} should I use for {}?",
    "result": "{} returned: {}.",
    "and": " and ",
}
"""Every reply is one of these with the gaps filled from the request, `FACTS` or a calculation."""
QUOTE_LENGTH = 300


def quoted(text: str) -> str:
    return text if len(text) <= QUOTE_LENGTH else f"{text[:QUOTE_LENGTH]}…"


def as_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def counted(number: int, noun: str) -> str:
    """ "1 item", "3 items"."""
    return f"{number} {SAY[noun]}{'' if number == 1 else 's'}"
