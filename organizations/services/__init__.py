"""The acts on organizations and their users."""
