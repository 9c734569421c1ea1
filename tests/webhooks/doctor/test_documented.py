"""The guide lists every mistake that the doctor can name."""

from tests.contract.documents import table_rows
from webhooks.doctor import TITLES, Mistake


def test_every_mistake_is_documented_and_has_a_title() -> None:
    documented = [name for name, _ in table_rows("receivers.md", columns=("mistake", "what it looks like"))]
    assert documented == [each.value for each in Mistake]
    assert list(TITLES) == list(Mistake)
