"""Partners and their API keys: issuing, verifying, rotating, revoking."""
