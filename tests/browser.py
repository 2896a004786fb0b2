"""Headless Chromium without a network, over a pipe (Chrome DevTools Protocol), by the standard library alone."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_PATIENCE = 120.0  # seconds
_FLAGS = ["--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--enable-unsafe-swiftshader", "--no-first-run"]
_CODES = {
    "Enter": 13,
    " ": 32,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


class Browser:
    """A browser. ``events`` are what the tab that is shown has told since a file was opened in it."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        self.events: list[dict[str, Any]] = []
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # It reads from descriptor 3 and writes to 4, whatever the numbers are here.
        shell = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
        words = ["bash", "-c", shell, CHROMIUM, *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(words, pass_fds=(commands, answers), stdin=null, stderr=null)
        os.close(commands)
        os.close(answers)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self._tabs: dict[str, str] = {}
        self.show("")

    def show(self, tab: str) -> None:
        """Show the tab of this name, a new one at first. What is open in the others stays open."""
        self._session = None
        self.events.clear()
        if tab not in self._tabs:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._tabs[tab] = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self._session = self._tabs[tab]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
            without = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
            self.call("Network.emulateNetworkConditions", **without)
        self._session = self._tabs[tab]
        self.call("Page.bringToFront")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._commands)
        os.close(self._answers)
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        self._number += 1
        to = {} if self._session is None or method.startswith("Browser.") else {"sessionId": self._session}
        message = {"id": self._number, "method": method, "params": parameters, **to}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            if answer.get("sessionId") == self._session:  # not of a tab behind this one
                self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, width: int = 1280, **media: str) -> None:
        """Load a file in a window so wide, for these preferences."""
        self.prefer(**media)
        self.resize(width)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")

    def prefer(self, **media: str) -> None:
        """Have the reader prefer this, such as prefers_color_scheme="dark", and nothing else."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def resize(self, width: int) -> None:
        """Make the window so wide."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)

    def js(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, awaited."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, (expression, found)
        return found["result"].get("value")

    def wait(self, condition: str, seconds: float = 30.0) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.js(condition):
            assert time.monotonic() < end, f"not in {seconds:g} s: {condition}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        about = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": _CODES[key]}
        text = {" ": " ", "Enter": "\r"}.get(key, "")
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._answers], [], [], _PATIENCE)[0], "the browser does not answer"
            piece = os.read(self._answers, 65536)
            assert piece, "the browser has gone"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message
