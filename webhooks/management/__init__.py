"""Commands of the webhooks app, and what they share."""
