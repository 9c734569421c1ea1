"""The acts on partners and keys. Each is one transaction with its ledger row inside."""
