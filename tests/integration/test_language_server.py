"""An editor's view: python-lsp-server with flake8, driven over the protocol."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from neighbours import BUG, CALLER, HELPER


class Client:
    """Speaks the language server protocol with one server process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.inbox: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                line = self.process.stdout.readline()
            self.inbox.put(json.loads(self.process.stdout.read(length)))

    def send(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if number is not None:
            message["id"] = number
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def wait_for(self, method: str = "", number: int | None = None) -> dict[str, Any]:
        """Return the next message of that method, or the answer to that request."""
        while True:
            message = self.inbox.get(timeout=60)
            if message.get("method") == method or (number and message.get("id") == number):
                return message


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pylsp"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    client = Client(process)
    client.send("initialize", {"rootUri": tmp_path.as_uri(), "capabilities": {}}, number=1)
    client.wait_for(number=1)
    client.send("initialized", {})
    plugins = {
        "flake8": {"enabled": True, "executable": str(Path(sys.executable).parent / "flake8")},
        "pycodestyle": {"enabled": False},
        "pyflakes": {"enabled": False},
        "mccabe": {"enabled": False},
    }
    settings = {"settings": {"pylsp": {"plugins": plugins}}}
    client.send("workspace/didChangeConfiguration", settings)
    yield client
    client.send("shutdown", {}, number=99)
    client.wait_for(number=99)
    client.send("exit", {})
    process.wait(timeout=30)


def test_the_finding_is_a_diagnostic_at_the_call(client: Client, tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": BUG}

    client.send("textDocument/didOpen", {"textDocument": document})
    params = client.wait_for("textDocument/publishDiagnostics")["params"]

    (diagnostic,) = (d for d in params["diagnostics"] if d["code"] == "SVI101")
    assert params["uri"] == uri
    assert diagnostic["source"] == "flake8"
    assert diagnostic["range"]["start"] == {"line": 4, "character": 4}
    assert "'samples.png' is overwritten on every iteration" in diagnostic["message"]


def test_the_diagnostic_goes_when_the_name_changes(client: Client, tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": BUG}
    client.send("textDocument/didOpen", {"textDocument": document})
    client.wait_for("textDocument/publishDiagnostics")

    repaired = BUG.replace('"samples.png"', 'f"samples_{epoch}.png"')
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": repaired}]}
    client.send("textDocument/didChange", change)
    params = client.wait_for("textDocument/publishDiagnostics")["params"]

    assert [d for d in params["diagnostics"] if str(d["code"]).startswith("SVI1")] == []


def test_what_an_imported_file_does_is_a_diagnostic_of_the_open_one(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "keeping.py").write_text(HELPER)
    (tmp_path / "train.py").write_text("")
    uri = (tmp_path / "train.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": CALLER}

    client.send("textDocument/didOpen", {"textDocument": document})
    params = client.wait_for("textDocument/publishDiagnostics")["params"]

    (diagnostic,) = (d for d in params["diagnostics"] if d["code"] == "SVI101")
    assert "keep (keeping.py, line 5) writes it" in diagnostic["message"]
    assert diagnostic["range"]["start"] == {"line": 3, "character": 4}
