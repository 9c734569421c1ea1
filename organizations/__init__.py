"""Organizations of a partner, their users (profiles) and addresses, and the two calls that set them up."""
