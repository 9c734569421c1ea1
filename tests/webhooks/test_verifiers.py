"""The verifiers that the guide prints, and the official libraries, judge every published vector rightly."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.servers import program
from tests.webhooks.listings import verifier
from tests.webhooks.vectors import PATH, VECTORS, Vector

CHECKS: Final = Path(__file__).parent / "verifiers"


def wrong(verdicts: list[bool]) -> list[str]:
    """The vectors that a verifier judged otherwise than it must."""
    return [str(vector) for vector, verdict in zip(VECTORS, verdicts, strict=True) if verdict is not vector.is_valid]


def python_verdict(listing: dict[str, Any], vector: Vector) -> bool:
    headers = {name.lower(): value for name, value in vector.headers.items()}
    secret, body = vector.secret, vector.body.encode()
    stash = headers.get("stash-webhook-signature") or headers.get("stash-hmac-signature", "")
    try:
        if vector.format == "standard":
            listing["verify_standard"](secret, headers, body, vector.now)
        elif vector.format == "stash":
            listing["verify_stash"](secret, stash, body)
        else:
            listing["verify_sticker"](secret, headers.get("x-sticker-signature", ""), body)
    except listing["BadSignatureError"]:
        return False
    return True


def test_the_guides_python_judges_every_vector_rightly() -> None:
    listing: dict[str, Any] = {"__name__": "listing"}
    exec(verifier("python"), listing)  # noqa: S102  # our own document
    assert not wrong([python_verdict(listing, each) for each in VECTORS])


def test_the_guides_javascript_judges_every_vector_rightly(node: str, tmp_path: Path) -> None:
    (tmp_path / "verifier.mjs").write_text(verifier("node"), encoding="utf-8")
    assert not wrong(run(node, str(CHECKS / "check.mjs"), str(tmp_path / "verifier.mjs"), str(PATH)))


def test_the_guides_go_judges_every_vector_rightly(tmp_path: Path) -> None:
    go = program("go", package="golang-go")
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook" / "verify.go").write_text(verifier("go"), encoding="utf-8")
    (tmp_path / "main.go").write_bytes((CHECKS / "check.go").read_bytes())
    (tmp_path / "go.mod").write_text("module receiver\n\ngo 1.19\n", encoding="utf-8")
    env = {"GOCACHE": str(tmp_path / "cache"), "GOPATH": str(tmp_path / "path"), "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    verdicts = run(go, "run", ".", folder=tmp_path, env={**env, "CGO_ENABLED": "0"}, stdin=PATH.read_text(encoding="utf-8"))
    assert not wrong(verdicts)


def run(*command: str, folder: Path | None = None, env: dict[str, str] | None = None, stdin: str = "") -> list[bool]:
    """Run a verifier over the vectors and read its verdicts."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder or "/nonexistent"), **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


def test_vectors_cover_every_format_both_ways() -> None:
    covered = {(each.format, each.is_valid) for each in VECTORS}
    assert covered == {(name, verdict) for name in ("standard", "stash", "sticker") for verdict in (True, False)}


def test_names_of_vectors_are_unique_within_a_format() -> None:
    assert len({str(each) for each in VECTORS}) == len(VECTORS)


def test_the_guides_go_is_formatted() -> None:
    gofmt = program("gofmt", package="golang-go")
    done = subprocess.run([gofmt, "-l"], input=verifier("go"), capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_guides_listings_have_nothing_that_reads_as_a_secret() -> None:
    assert not re.search(r"whsec_\w", "".join(verifier(each) for each in ("python", "node", "go")))
