"""A report as it is kept beside the rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from session_lab.history.report import ModelCall

ids = st.integers(1, 30)


@given(st.dictionaries(ids, ids), st.dictionaries(st.sampled_from(["a", "b"]), st.lists(ids)))
def test_which_rows_were_sent_is_read_back_as_it_was(
    sent: dict[int, int], not_sent: dict[str, list[int]]
) -> None:
    call = ModelCall(agent="Assistant", sent=sent, not_sent=not_sent)
    read = ModelCall.model_validate_json(call.model_dump_json())
    assert (read.sent, read.not_sent) == (sent, not_sent)


def test_ten_thousand_rows_take_no_more_room_than_two() -> None:
    rows = {row: row - 40 for row in range(50, 10_050)}
    assert len(ModelCall(agent="Assistant", sent=rows).model_dump_json()) < 100


def test_reports_of_earlier_versions_are_read() -> None:
    with_places = '{"agent": "A", "sent": {"7": 1, "9": 2}, "not_sent": {"r": [3, 4]}}'
    without = '{"agent": "A", "sent": [7, 9], "not_sent": {"r": [3, 4]}}'
    for text in (with_places, without):
        read = ModelCall.model_validate_json(text)
        assert (read.sent, read.not_sent) == ({7: 1, 9: 2}, {"r": [3, 4]})
