"""Give the roles of staff what they may do with resellers' and customers' accounts."""

from django.db import migrations

from sticker_auth.roles import seed_groups


def forward(apps, _schema_editor):
    seed_groups(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("sticker_auth", "0004_roles_for_player_issuers"),
        ("surfaces", "0003_accounts"),
    ]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
