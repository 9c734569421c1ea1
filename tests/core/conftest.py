"""How the property tests run: no deadline, since a shared machine is slow at times, and nothing left on disk."""

from hypothesis import settings

settings.register_profile("sticker", deadline=None, database=None)
settings.load_profile("sticker")
