"""A report as it is kept beside the rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from session_lab.history.report import ModelCall, in_runs

ids = st.integers(1, 30)


@given(st.dictionaries(ids, ids | st.sampled_from(["a", "b"])))
def test_which_rows_were_sent_is_read_back_as_it_was(rows: dict[int, int | str]) -> None:
    call = ModelCall(agent="Assistant", runs=in_runs(rows))
    assert ModelCall.model_validate_json(call.model_dump_json()).rows() == rows
    assert call.sent() | call.not_sent() == rows


def test_ten_thousand_rows_take_no_more_room_than_two() -> None:
    rows = {row: row - 40 if row > 1000 else "Not sent." for row in range(50, 10_050)}
    assert len(ModelCall(agent="Assistant", runs=in_runs(rows)).model_dump_json()) < 100
