"""The commands of the documents, pasted one after the other into a shell, against the running service."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from sticker_auth.local.environment import PROJECT_ROOT
from tests.journeys.parties import Backend
from tests.servers import bare_environment

BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:|/)([^)#]*)#?([^)]*)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
DOCUMENTS: Final = sorted([*PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("docs/*.md")])


def calls_of(document: str) -> list[str]:
    """The shell blocks of a document that call the service."""
    blocks: list[str] = BLOCK.findall((PROJECT_ROOT / document).read_text())
    return [block for block in blocks if "STICKER_" in block and "manage.py" not in block]


def paste(blocks: list[str], *, folder: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    """Run blocks in one shell that stops at the first failure; returns every JSON answer."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\necho\n".join(blocks)],
        cwd=folder,
        env={**bare_environment(), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_calls_of_the_readme_work_one_after_the_other(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    facts = {"base_url": backend.base_url, "api_key": backend.key, "partner_id": backend.partner_id}
    (tmp_path / "var" / "demo.json").write_text(json.dumps(facts))
    who, _setup, made, opened, status, rotated = paste(calls_of("README.md"), folder=tmp_path, env={})
    assert who["partner"]["id"] == backend.partner_id
    assert opened["session"]["id"] == made["session_id"]
    assert status["status"] == "redeemed"
    assert rotated["previous"] == backend.kid


@pytest.mark.parametrize("document", ["docs/partners.md", "docs/sessions.md"])
def test_calls_of_a_guide_work_one_after_the_other(backend: Backend, tmp_path: Path, document: str) -> None:
    env = {"STICKER_BASE_URL": backend.base_url, "STICKER_API_KEY": backend.key, "STICKER_PARTNER_ID": backend.partner_id}
    answers = paste(calls_of(document), folder=tmp_path, env=env)
    assert answers
    for answer in answers:
        assert answer["success"] or answer["code"] == "ALREADY_EXISTS", answer


def anchors(document: Path) -> set[str]:
    """The headings of a document as its readers link to them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(document.read_text())}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    for path, anchor in LINK.findall(document.read_text()):
        target = document.parent / path if path else document
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"
