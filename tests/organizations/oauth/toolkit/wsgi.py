"""The toolkit's entry: its database is made anew, with one client and one person, before it serves."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.organizations.oauth.toolkit.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user("ada")
Application.objects.create(
    name="Sticker",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client_type=Application.CLIENT_CONFIDENTIAL,
    authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
    redirect_uris=os.environ["REDIRECT_URI"],
    skip_authorization=True,
)
application = get_wsgi_application()
