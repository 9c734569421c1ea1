"""The one guarded way out: which addresses may be called, and how a call is made without trusting who answers."""
