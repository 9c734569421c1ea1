"""The kits every app stands on: no models, no business rules, no import of an app."""
