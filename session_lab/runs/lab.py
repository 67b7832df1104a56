"""What the pages call, by way of one event loop: sessions, runs and changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from agents import Agent, Model, SQLiteSession

from session_lab.code_view.actions import (
    Action,
    AddItems,
    ClearSession,
    CreateSession,
    EditItem,
    Fork,
    FoundItems,
    PopItem,
    Reopen,
    UndoTurn,
)
from session_lab.code_view.agents import AgentName, make_agent
from session_lab.history.items import Item, kind, text_to_edit, with_text
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.history.rules import Api
from session_lab.history.summaries import Summarizer
from session_lab.history.turns import unanswered_turn
from session_lab.models.servers import api_of
from session_lab.runs.outlook import Outlook, look_ahead
from session_lab.runs.session_log import Change, LiveTurn, SessionLog, change_between
from session_lab.runs.turn import STOPPED, error_line, run_turn
from session_lab.store.catalog import MAX_TITLE_LENGTH, TAKEN, Catalog
from session_lab.store.database import CHANGED, CatalogError, Row, Storage, Version
from session_lab.store.opened import OpenedFile
from session_lab.store.seen import Seen, all_seen
from session_lab.store.sessions import in_thread

BUSY = "A reply is being written in this session. Stop it or wait, then try again."


class Lab:
    """The sessions of one database file, and one model. All runs and changes are on one event loop.

    Every method may raise `CatalogError` (the message is for a person), and `sqlite3.Error` or
    `OSError` if the database can't be used.
    """

    def __init__(
        self, db_path: Path, model: Model | str | None, opened: OpenedFile | None = None
    ) -> None:
        self.model = model
        self.catalog = Catalog(db_path, opened)
        self.summarizer = Summarizer(model, api_of(model))
        self._logs: dict[str, SessionLog] = {}
        self.last_row_at_start = self.catalog.last_file_row()
        """The file's rows up to this ID were there before the process, or the last `restart`."""

    @property
    def api(self) -> Api:
        """What the model speaks, and so which items it can be sent."""
        return api_of(self.model)

    async def close(self) -> None:
        """End every run and close every session."""
        for log in list(self._logs.values()):
            if log.live is not None:
                await log.live.stop()
        await in_thread(self.catalog.restart)

    # -- sessions ---------------------------------------------------------------------------

    async def create(self, session_id: str, storage: Storage) -> bool:
        """Create a session. False if there was one with this ID, which is left as it is."""
        is_new = await in_thread(self.catalog.create, session_id, storage)
        if is_new:
            await in_thread(self._start_over, session_id, [CreateSession(session_id)])
        return is_new

    async def fork(self, source_id: str, new_id: str, item_count: int, storage: Storage) -> None:
        """Copy the first `item_count` items of a session into a new one."""
        if await in_thread(self.catalog.info, new_id):  # Its lock may be the one of the source.
            raise CatalogError(TAKEN.format(new_id))
        async with self._held(source_id), self.catalog.lock(new_id):
            before = (await in_thread(self._catch_up, source_id)).actions
            copied = await in_thread(self.catalog.fork, source_id, new_id, item_count, storage)
            await in_thread(self._start_over, new_id, [*before, Fork(source_id, new_id, copied)])

    async def delete(self, session_id: str, confirmed: Version | None = None) -> None:
        async with self._held(session_id, confirmed):
            await in_thread(self.catalog.delete, session_id)
            self._logs.pop(session_id, None)

    async def import_items(self, session_id: str, title: str, items: list[Item]) -> None:
        """Create a file session that holds `items`.

        Raises:
            CatalogError: the ID is taken or not allowed.
        """
        if not await in_thread(self.catalog.create, session_id, "File", items):
            raise CatalogError(TAKEN.format(session_id))
        if title := title.encode("utf-8", "replace").decode().strip():
            await in_thread(self.catalog.rename, session_id, title[:MAX_TITLE_LENGTH])
        actions = [CreateSession(session_id), AddItems(items)]
        await in_thread(self._start_over, session_id, actions)
        rows = await in_thread(self.catalog.database(session_id).rows, session_id)
        self.log(session_id).change = Change(added=frozenset(row.id for row in rows))

    async def restart(self) -> list[str]:
        """Close every session as the end of the process would. Returns the IDs that are gone."""
        if self.catalog.is_busy():
            raise CatalogError("A reply is being written. Stop it or wait, then restart.")
        gone = await in_thread(self.catalog.restart)
        self.last_row_at_start = await in_thread(self.catalog.last_file_row)
        for session_id in gone:
            self._logs.pop(session_id, None)
        for session_id, log in list(self._logs.items()):
            if log.actions:  # A session that was only looked at has nothing to reopen.
                log.actions.append(Reopen(session_id))
        return gone

    def version(self, session_id: str) -> Version:
        """What the session is now. For a worker thread."""
        self.catalog.existing(session_id)
        return self.catalog.database(session_id).version(session_id)

    def log(self, session_id: str) -> SessionLog:
        """What this process did to the session, and the outcome."""
        return self._logs.setdefault(session_id, SessionLog())

    # -- runs -------------------------------------------------------------------------------

    async def send(
        self, session_id: str, text: str | None, agent: AgentName, policy: MemoryPolicy
    ) -> LiveTurn:
        """Start a run. `text` None answers the stored question.

        Raises:
            CatalogError: a reply is being written in this session, or the session is gone.
        """
        if self.live(session_id):
            raise CatalogError(BUSY)
        log = self.log(session_id)
        live, before = LiveTurn(session_id, text, agent), log.live
        log.live = live  # At once: an `await` lets others in.
        try:
            live.after_row = (await in_thread(self.version, session_id)).last_row
            await in_thread(self.catalog.changeable, session_id)
            if live.is_stopped:
                raise CatalogError("Stopped before it began.")
        except BaseException:
            log.live = before
            live.end()
            raise
        live.task = asyncio.create_task(self._run(live, make_agent(agent, self.model), policy))
        live.task.add_done_callback(partial(self._end, live, policy))
        return live

    def live(self, session_id: str) -> LiveTurn | None:
        """The run in progress in this session, whichever tab started it."""
        live = self.log(session_id).live
        return live if live is not None and not live.is_done else None

    async def _run(self, live: LiveTurn, agent: Agent[Any], policy: MemoryPolicy) -> None:
        session_id = live.session_id
        async with self.catalog.lock(session_id), self.catalog.session(session_id) as session:
            report = await in_thread(self._begin, live, policy)
            events = run_turn(session, agent, live.text, report, self.summarizer)
            try:
                async with aclosing(events):
                    async for event in events:
                        live.take(event)
            finally:
                await in_thread(self._settle, live, report, set(session.added))

    def _begin(self, live: LiveTurn, policy: MemoryPolicy) -> TurnReport:
        """The report of what the session holds before the run."""
        before = self._catch_up(live.session_id).version
        live.after_row = before.last_row
        rows = self.catalog.database(live.session_id).rows(live.session_id)
        items = {row.id: cast(Item, row.item) for row in rows if row.is_item}
        if live.text is None and not unanswered_turn(list(items.values())):
            raise CatalogError("The last question has its answer, so nothing was sent.")
        count = before.item_count
        return TurnReport(agent=live.agent, policy=policy, count_before=count, before=items)

    def _settle(self, live: LiveTurn, report: TurnReport, stored: set[int]) -> None:
        """Record what the run stored, also when it failed or was stopped."""
        database = self.catalog.database(live.session_id)
        # Not all rows after the last: another program may have written to the session too.
        rows = database.rows(live.session_id, after=live.after_row)
        added = [row for row in rows if row.id in stored]
        self.log(live.session_id).note_run(live, report, added, self.api)
        if added:
            database.touch(live.session_id)
        if added and report.error is None:
            database.save_reports(live.session_id, [report])

    def _end(self, live: LiveTurn, policy: MemoryPolicy, task: asyncio.Task[None]) -> None:
        """Say that the session is free again, and why if the run could not even be recorded."""
        error = None if task.cancelled() else task.exception()
        try:
            if error is not None or live.report is None:
                told = STOPPED if error is None else error_line(error)
                report = TurnReport(agent=live.agent, policy=policy, error=told)
                self.log(live.session_id).report = live.report = report
        finally:
            live.end()

    async def outlook(
        self, session_id: str, agent: AgentName, policy: MemoryPolicy
    ) -> Outlook | None:
        """What would be sent now. While a reply is written, what was known before it, if anything.

        Computed once for each state of the session, so that a click costs no more in a long one.
        """
        log = self.log(session_id)
        if self.live(session_id) is not None:
            return log.outlook[1] if log.outlook is not None else None
        async with self._held(session_id) as version:
            state = (version, log.change, agent, policy, self.model)
            if log.outlook is None or log.outlook[0] != state:
                rows = await in_thread(self.catalog.database(session_id).rows, session_id)
                made = make_agent(agent, self.model)
                async with self.catalog.session(session_id) as session:
                    seen = await in_thread(look_ahead, session, rows, made, policy, self.summarizer)
                log.outlook = state, seen
            return log.outlook[1]

    # -- changes ----------------------------------------------------------------------------

    async def remove(self, session_id: str, seen: Seen, whole_turn: bool) -> None:
        """Remove the items that were seen from the end of the session, or nothing.

        `whole_turn` tells which button it was, for the code that is shown.
        """
        if not seen.rows:
            raise CatalogError("There is nothing to remove.")
        action = UndoTurn() if whole_turn else PopItem()
        async with self._changing(session_id, action, seen.version):
            database = self.catalog.database(session_id)
            await in_thread(database.remove_end, session_id, seen.rows)

    async def clear(self, session_id: str, confirmed: Version) -> None:
        async with self._changing(session_id, ClearSession(), confirmed) as session:
            await session.clear_session()

    async def add_item(self, session_id: str, item: Item) -> None:
        async with self._changing(session_id, AddItems([item])) as session:
            await session.add_items([item])

    async def edit_item(self, session_id: str, row: Row, text: str) -> None:
        """Give the message in `row` another text, if the row is still what was shown.

        The SDK has no call for this. Popping and adding again would lose the conversation's end
        if the process died in between, so the one row is written in place.
        """
        before = text_to_edit(row.item)
        if before is None:
            raise CatalogError(f"This {kind(row.item)} item has no text to edit, or several.")
        if text == before:
            return
        edited = with_text(row.item, text)
        database = self.catalog.database(session_id)
        rows = await in_thread(database.rows, session_id, after=row.id - 1)
        from_end = sum(each.is_item for each in rows)
        async with self._changing(session_id, EditItem(from_end, [edited])):
            await in_thread(database.update_item, session_id, row, edited)

    @asynccontextmanager
    async def _changing(
        self, session_id: str, action: Action, confirmed: Version | None = None
    ) -> AsyncIterator[SQLiteSession]:
        """The session, for one change, which is noted as `action` when it is done."""
        database = self.catalog.database(session_id)

        def note(log: SessionLog, before: list[Row]) -> None:
            database.touch(session_id)
            database.drop_reports(session_id)
            after = database.rows(session_id)
            log.note_change(action, change_between(before, after), database.version(session_id))

        await in_thread(self.catalog.changeable, session_id)
        async with self._held(session_id, confirmed), self.catalog.session(session_id) as session:
            log = await in_thread(self._catch_up, session_id)
            before = await in_thread(database.rows, session_id)
            yield session
            await in_thread(note, log, before)

    @asynccontextmanager
    async def _held(
        self, session_id: str, confirmed: Version | None = None
    ) -> AsyncIterator[Version]:
        """What the session is, for one change. `confirmed` is what it must still be."""
        if self.live(session_id) is not None:
            raise CatalogError(BUSY)
        async with self.catalog.lock(session_id):
            now = await in_thread(self.version, session_id)
            if confirmed not in (None, now):
                raise CatalogError(CHANGED)
            yield now

    async def actions(self, session_id: str) -> Sequence[Action]:
        """Every action of this process on the session, oldest first."""
        log = self.log(session_id)
        if log.actions and self.live(session_id) is None:
            async with self._held(session_id):
                await in_thread(self._catch_up, session_id)
        return tuple(log.actions)

    def _start_over(self, session_id: str, actions: list[Action]) -> None:
        version = self.catalog.database(session_id).version(session_id)
        self._logs[session_id] = SessionLog(actions, version=version)

    def _catch_up(self, session_id: str) -> SessionLog:
        """Note what the session holds if it was not put there by the actions, for the script.

        The caller holds the session's lock.
        """
        log, version = self.log(session_id), self.version(session_id)
        if not log.actions:
            log.actions.append(CreateSession(session_id))
        if log.version != version:
            log.actions.append(FoundItems(all_seen(self.catalog, session_id).items))
            log.version = version
        return log
