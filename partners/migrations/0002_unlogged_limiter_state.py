"""Keep the limiter's state out of the write-ahead log: after a crash every bucket is simply full again."""

from django.db import migrations

FORWARD = "ALTER TABLE partners_ratelimitstate SET UNLOGGED; ALTER TABLE partners_ratelimitstate SET (fillfactor = 50)"
BACKWARD = "ALTER TABLE partners_ratelimitstate SET LOGGED; ALTER TABLE partners_ratelimitstate RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_partners_and_keys")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
