"""The ledger where commits are real."""

import pytest
from django.db import DatabaseError, connection, transaction

from audit.events import EventType
from audit.models import Event
from audit.services import Act, record
from tests.factories import ALICE

pytestmark = pytest.mark.usefixtures("fresh_database")


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_ledger_cannot_be_emptied_at_a_stroke(role: str) -> None:
    with transaction.atomic():
        record(Act(EventType.PARTNER_UPDATED, ALICE))
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = {role}")
        with pytest.raises(DatabaseError, match="append-only"):
            cursor.execute("TRUNCATE audit_event CASCADE")
    assert Event.objects.count() == 1


def test_a_row_is_written_only_inside_its_acts_transaction() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        record(Act(EventType.PARTNER_UPDATED, ALICE))
    assert not Event.objects.exists()
