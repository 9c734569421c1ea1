"""The project: settings, addresses, servers, and the staff's admin site."""
