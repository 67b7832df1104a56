"""How fast the lab is: a click in a long session, and the first words after a cold start.

Run it:
    python benchmarks/lab_speed.py

A click is one run of the whole script, without the browser, in a session of so many items. It is
printed as a multiple of the first line's in the same round. The cold start needs Playwright and
Chromium: the seconds from opening the address until the first sentence can be read, as a multiple
of a page that shows that sentence and imports nothing but Streamlit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from agents import SQLiteSession, TResponseInputItem
from playwright.sync_api import sync_playwright
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parent.parent / "streamlit_sessions_app.py"
SIZES = (100, 1_000, 10_000)
WORDS = "What is stored and what the model is sent are two lists."


async def fill(db_path: Path) -> None:
    for size in SIZES:
        session = SQLiteSession(f"{size} items", db_path)
        items: list[TResponseInputItem] = []
        for number in range(0, size, 2):
            text = f"Message {number}: a sentence of about the length that people type."
            items.append({"role": "user", "content": text})
            items.append({"role": "assistant", "content": f"Reply {number}, a short one."})
        await session.add_items(items)
        session.close()


def clicks(rounds: int) -> dict[int, list[float]]:
    """Seconds of each run, by the number of items."""
    pages: dict[int, AppTest] = {}
    seconds: dict[int, list[float]] = {}
    for size in SIZES:
        pages[size] = AppTest.from_file(str(APP), default_timeout=60)
        pages[size].query_params["session"] = f"{size} items"
        pages[size].run()
        seconds[size] = []
    for _ in range(rounds):
        for size, page in pages.items():
            start = time.perf_counter()
            page.run()
            seconds[size].append(time.perf_counter() - start)
            assert not page.exception
    return seconds


def first_words(script: Path, folder: Path) -> float:
    """Seconds until the sentence can be read, in a process that has just been started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true"]
    app = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options],
        cwd=APP.parent,
        env={**os.environ, "SESSIONS_DB": str(folder / f"{port}.db")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://localhost:{port}"
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(address)
            page.get_by_text(WORDS).first.wait_for()
            return time.perf_counter() - start
    finally:
        app.terminate()
        app.wait()


def ratios(seconds: list[float], first: list[float]) -> str:
    each = [one / other for one, other in zip(seconds, first, strict=True)]
    return f"{statistics.median(each):.1f} | {min(each):.1f} to {max(each):.1f}"


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SESSIONS_DB"] = str(folder / "sessions.db")
        asyncio.run(fill(folder / "sessions.db"))
        seconds = clicks(rounds)
        print("| Items | Times the first line | Lowest to highest |\n| ---: | ---: | ---: |")
        for size in SIZES:
            print(f"| {size:,} | {ratios(seconds[size], seconds[SIZES[0]])} |")
        bare = folder / "bare.py"
        bare.write_text(f"import streamlit as st\n\nst.markdown({WORDS!r})\n")
        starts = [(first_words(bare, folder), first_words(APP, folder)) for _ in range(3)]
        first, lab = zip(*starts, strict=True)
        print("\n| Cold start | Times the bare page | Lowest to highest |\n| --- | ---: | ---: |")
        print(f"| first words | {ratios(list(lab), list(first))} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    main(parser.parse_args().rounds)
