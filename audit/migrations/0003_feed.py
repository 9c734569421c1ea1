"""Let the ledger be read in the order of its commits: what partners may be told of has its transaction's number."""

from django.db import migrations, models

import core.feeds


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]
    operations = [
        migrations.AlterField(model_name="event", name="type", field=models.CharField(max_length=64)),
        migrations.AddField(model_name="event", name="feed_xid", field=core.feeds.Xid8Field(editable=False, null=True)),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                models.F("feed_xid"),
                models.F("id"),
                condition=models.Q(("feed_xid__isnull", False)),
                name="audit_event_feed",
            ),
        ),
    ]
