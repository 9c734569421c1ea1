"""A partner's site in miniature: the page that embeds the frame, and the backend that holds the API key."""
