"""django-oauth-toolkit as a real provider: an old refresh token is forgiven for a while, and answered alike."""
