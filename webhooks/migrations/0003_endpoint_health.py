"""What the pump needs to know about an endpoint's troubles, and a queue that is swept often enough to stay quick."""

from django.db import migrations, models

# Each delivery changes its row three times: by the usual measure, a fifth of the table, its indexes would drag dead entries.
SWEEP_OFTEN = """
ALTER TABLE webhooks_delivery SET (
  fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0
)
"""
SWEEP_AS_USUAL = """
ALTER TABLE webhooks_delivery RESET (
  fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay
)
"""
# Both are small: what still has its contents, and what was set aside.
FIND_OLD = """
CREATE INDEX message_with_data ON webhooks_message (id) WHERE data <> '';
CREATE INDEX delivery_quarantined ON webhooks_delivery (id) WHERE state = 'quarantined';
"""
FORGET_OLD = "DROP INDEX message_with_data; DROP INDEX delivery_quarantined"


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_attempts_by_month")]
    operations = [
        migrations.AddField("endpoint", "last_failure_at", models.DateTimeField(null=True)),
        migrations.AddField("endpoint", "warned_hours", models.PositiveSmallIntegerField(default=0, db_default=0)),
        migrations.RunSQL(SWEEP_OFTEN, SWEEP_AS_USUAL),
        migrations.RunSQL(FIND_OLD, FORGET_OLD),
    ]
