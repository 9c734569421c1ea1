"""From handshake to signed-in iframe: one-time session tokens, the embed page, embed sessions."""
