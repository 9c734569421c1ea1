"""One long-lived Node process that answers what JavaScript makes of a JSON text."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Latin-1 carries any byte through a line of JSON; a text that is no JSON comes back as null.
_PROGRAM: Final = """
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const text = Buffer.from(JSON.parse(line), "latin1").toString("utf8");
  let answer = null;
  try { answer = Buffer.from(JSON.stringify(JSON.parse(text)), "utf8").toString("latin1"); } catch {}
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""


class JavaScript:
    """What `JSON.stringify(JSON.parse(text))` gives, in Node itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def rewritten(self, body: bytes) -> bytes | None:
        """The bytes that a receiver which re-serialises verifies; None when it cannot parse them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(body.decode("latin-1")) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return None if answer is None else str(answer).encode("latin-1")


@contextmanager
def running_javascript(node: str) -> Iterator[JavaScript]:
    """Start Node and end it at the end."""
    command = [node, "-e", _PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield JavaScript(process)
        assert process.stdin is not None
        process.stdin.close()
