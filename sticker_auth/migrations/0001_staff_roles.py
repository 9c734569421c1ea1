"""Seed the roles of staff as groups."""

from django.db import migrations

from sticker_auth.roles import seed_groups


def forward(apps, _schema_editor):
    seed_groups(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("audit", "0001_ledger"),
        ("partners", "0001_partners_and_keys"),
        ("organizations", "0001_organizations_and_profiles"),
        ("sessions_app", "0001_tokens_and_embed_sessions"),
    ]
    # Groups stay when this is undone: people may be members of them.
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
