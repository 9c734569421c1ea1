"""Signed webhooks: endpoints, secrets, events, deliveries and the pump that sends them."""
