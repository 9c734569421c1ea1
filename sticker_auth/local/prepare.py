"""The step of a demo run between the servers and the service: tables, demo data, and the files that tell of them."""

import json
import os
import sys
from pathlib import Path

import django
from django.core.management import call_command

from sticker_auth.local import environment
from sticker_auth.local.facts import Facts, read_pending, save_pending, site_configuration_path


def main() -> None:
    """Prepare the run whose addresses are given, in the database of DATABASE_URL."""
    environment.load()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")
    django.setup()
    from sticker_auth.local.demo import Addresses, seed

    folder, addresses = environment.var_dir(), Addresses(*sys.argv[1:])
    call_command("migrate", verbosity=0, interactive=False)
    facts = seed(addresses, before=read_pending(folder))
    _configure_site(folder, facts, embed_base_url=addresses.embed_base_url)
    save_pending(folder, facts)


def _configure_site(folder: Path, facts: Facts, *, embed_base_url: str) -> None:
    """Give the demo partner's backend its key, in a file that only we may read."""
    configuration = {
        "base_url": facts.base_url,
        "embed_base": f"{embed_base_url}/sandbox/embedded/{facts.partner_id}",
        "partner_id": facts.partner_id,
        "api_key": facts.api_key,
        "internal_user_id": facts.internal_user_id,
        "partner_org_id": facts.organization_id,
    }
    environment.write_private(site_configuration_path(folder), json.dumps(configuration) + "\n")


if __name__ == "__main__":
    main()
