"""Give the roles of staff what they may do with OAuth providers and grants."""

from django.db import migrations

from sticker_auth.roles import seed_groups


def forward(apps, _schema_editor):
    seed_groups(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("sticker_auth", "0005_roles_for_accounts"),
        ("organizations", "0002_oauth"),
    ]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
