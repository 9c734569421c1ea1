"""The other libraries' WSGI entry."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peers_settings"

from django.core.wsgi import get_wsgi_application  # settings need the name first

application = get_wsgi_application()
