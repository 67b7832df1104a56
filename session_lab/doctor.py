"""Look for what an API would refuse in the sessions of any database of the SDK's SQLite classes.

    python -m session_lab.doctor FILE

The file is only read: what is examined is a copy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from agents import SQLiteSession

from session_lab.history.items import field, kind, one_line
from session_lab.history.rules import Api, Finding, repair
from session_lab.models.errors import explain_error, redacted
from session_lab.store.database import CatalogError, Row, SessionDatabase, findings
from session_lab.store.opened import OpenedFile

BRANCHES = "AdvancedSQLiteSession wrote this file: the items of all its branches are shown."
ENCRYPTED = "encrypted by EncryptedSession: nothing can be told of the items"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 without findings, 1 with some, 2 if the file can't be examined."""
    options = _parser().parse_args(arguments)
    try:
        with closing(OpenedFile(options.file, options.table)) as opened:
            return _examine(opened, options)
    except (OSError, sqlite3.Error, CatalogError) as error:
        print(explain_error(error) or redacted(str(error)), file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m session_lab.doctor",
        usage="%(prog)s FILE [options]",
        description="Examine the sessions in a SQLite database. It is only read.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the database")
    parser.add_argument("--session", metavar="ID", help="show the items of this session")
    parser.add_argument(
        "--api", choices=get_args(Api), default="Responses", help="which API has to accept them"
    )
    parser.add_argument("--table", help="the table of items, if there are several")
    parser.add_argument("--json", action="store_true", help="print one JSON object a session")
    parser.add_argument(
        "--repair-into", type=Path, metavar="OTHER", help="write repaired copies to a new database"
    )
    return parser


def _examine(opened: OpenedFile, options: argparse.Namespace) -> int:
    database = SessionDatabase(opened.connection, "File")
    infos = database.sessions("", limit=-1)
    if options.session is not None:
        infos = [info for info in infos if info.session_id == options.session]
        if not infos:
            raise CatalogError(f"{opened.path.name} holds no session {options.session!r}.")
    if options.repair_into is not None and options.repair_into.exists():
        raise CatalogError(f"{options.repair_into} exists: name a new file.")
    if opened.has_branches:
        print(BRANCHES, file=sys.stderr)
    status = 0
    for info in infos:
        rows = database.rows(info.session_id)
        found = findings(rows, options.api)
        status = max(status, int(bool(found)))
        if options.json:
            print(json.dumps(_as_json(info.session_id, rows, found)))
        else:
            _print_session(info.session_id, rows, found, options.session is not None)
        if options.repair_into is not None:
            asyncio.run(_repair(options.repair_into, info.session_id, rows))
    return status


def _print_session(
    session_id: str, rows: Sequence[Row], found: dict[int, Finding], whole: bool
) -> None:
    told = f"findings: {len(found)}"
    if any(field(row.item, "__enc__") for row in rows):
        told = ENCRYPTED
    print(f"{redacted(session_id)}  items: {len(rows)}, {told}")
    for place, row in enumerate(rows, 1):
        finding = found.get(row.id)
        if whole or finding:
            print(f"  {place}  " + redacted(f"{kind(row.item)}: {one_line(row.item, 70)}"))
        if finding:
            print(f"     {finding.problem} {finding.remedy}")


def _as_json(session_id: str, rows: Sequence[Row], found: dict[int, Finding]) -> dict[str, Any]:
    places = {row.id: place for place, row in enumerate(rows, 1)}
    told = [{"row": row, **asdict(each), "place": places[row]} for row, each in found.items()]
    return {"session_id": session_id, "items": len(rows), "findings": told}


async def _repair(path: Path, session_id: str, rows: Sequence[Row]) -> None:
    with closing(SQLiteSession(session_id, path)) as session:
        await session.add_items(repair([row.item for row in rows if row.is_item]))


if __name__ == "__main__":
    sys.exit(main())
