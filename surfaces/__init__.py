"""The four API surfaces as data: which request is guarded by which rule, and who may pass."""
