"""The log of attempts, partitioned by month so that old months go as a whole. What falls outside is kept, never refused."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TABLE webhooks_attempt (
  delivery_id bigint NOT NULL,
  endpoint_id uuid NOT NULL,
  number integer NOT NULL CHECK (number >= 0),
  started_at timestamptz NOT NULL,
  dns_ms integer CHECK (dns_ms >= 0),
  connect_ms integer CHECK (connect_ms >= 0),
  tls_ms integer CHECK (tls_ms >= 0),
  first_byte_ms integer CHECK (first_byte_ms >= 0),
  total_ms integer NOT NULL CHECK (total_ms >= 0),
  status smallint CHECK (status >= 0),
  reason varchar(32) NOT NULL,
  address inet,
  response_text text NOT NULL DEFAULT '',
  response_headers jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (delivery_id, number, started_at)
) PARTITION BY RANGE (started_at);
CREATE INDEX attempt_of_endpoint ON webhooks_attempt (endpoint_id, started_at);
CREATE TABLE webhooks_attempt_rest PARTITION OF webhooks_attempt DEFAULT;
DO $$
DECLARE month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
BEGIN
  FOR step IN 0..2 LOOP
    EXECUTE format(
      'CREATE TABLE %I PARTITION OF webhooks_attempt FOR VALUES FROM (%L) TO (%L)',
      'webhooks_attempt_' || to_char(month, 'YYYY_MM'),
      month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
    );
    month := month + interval '1 month';
  END LOOP;
END $$;
INSERT INTO webhooks_feedcursor (name, xid, row_id) VALUES ('ledger', '0', 0), ('messages', '0', 0);
"""
BACKWARD = """
DROP TABLE webhooks_attempt;
DELETE FROM webhooks_feedcursor;
"""


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_endpoints_messages_deliveries")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FORWARD, BACKWARD)],
            state_operations=[
                migrations.CreateModel(
                    name="Attempt",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "delivery_id",
                                "number",
                                "started_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("started_at", models.DateTimeField()),
                        ("dns_ms", models.PositiveIntegerField(null=True)),
                        ("connect_ms", models.PositiveIntegerField(null=True)),
                        ("tls_ms", models.PositiveIntegerField(null=True)),
                        ("first_byte_ms", models.PositiveIntegerField(null=True)),
                        ("total_ms", models.PositiveIntegerField()),
                        ("status", models.PositiveSmallIntegerField(null=True)),
                        ("reason", models.CharField(max_length=32)),
                        ("address", models.GenericIPAddressField(null=True)),
                        ("response_text", models.TextField(blank=True)),
                        ("response_headers", models.JSONField(default=dict)),
                        (
                            "delivery",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="log",
                                to="webhooks.delivery",
                            ),
                        ),
                        (
                            "endpoint",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="webhooks.endpoint",
                            ),
                        ),
                    ],
                    options={
                        "default_permissions": (),
                    },
                ),
                migrations.AddIndex(
                    model_name="attempt",
                    index=models.Index(models.F("endpoint"), models.F("started_at"), name="attempt_of_endpoint"),
                ),
            ],
        )
    ]
