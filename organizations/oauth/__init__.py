"""How providers are spoken to: tokens, discovery, revocation, the organization's data; nothing here writes a row."""
