"""The acts on endpoints, secrets, events and deliveries."""
