"""Seals over the ledger: a signed chain beside it, as append-only as the ledger itself."""

from django.db import migrations, models

FORWARD = """
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal
  FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_seal
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_append_only;
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_no_truncate;
"""
BACKWARD = """
DROP TRIGGER audit_seal_append_only ON audit_seal;
DROP TRIGGER audit_seal_no_truncate ON audit_seal;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_feed")]
    operations = [
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("ids", models.TextField()),
                ("count", models.PositiveIntegerField()),
                ("leaves", models.BinaryField()),
                ("root", models.BinaryField(max_length=32)),
                ("previous", models.BinaryField(max_length=32)),
                ("sealed_at", models.BigIntegerField()),
                ("key_id", models.PositiveSmallIntegerField()),
                ("signature", models.BinaryField(max_length=64)),
                ("newest_id", models.BigIntegerField()),
                ("awaited", models.TextField(blank=True)),
            ],
            options={"default_permissions": ("view",)},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
