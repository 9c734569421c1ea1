"""Give the roles of staff what they may do with issuers of player tokens."""

from django.db import migrations

from sticker_auth.roles import seed_groups


def forward(apps, _schema_editor):
    seed_groups(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("sticker_auth", "0003_roles_for_surfaces"),
        ("surfaces", "0004_player_issuers"),
    ]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
