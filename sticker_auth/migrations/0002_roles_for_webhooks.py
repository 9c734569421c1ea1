"""Give the roles of staff what they may do with webhooks."""

from django.db import migrations

from sticker_auth.roles import seed_groups


def forward(apps, _schema_editor):
    seed_groups(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("sticker_auth", "0001_staff_roles"),
        ("webhooks", "0002_attempts_by_month"),
    ]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
