"""The gateway check: what a reverse proxy asks before it lets a request through to an upstream that has no code of ours."""
