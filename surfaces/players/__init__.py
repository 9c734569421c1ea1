"""Tokens that partners sign for their players: read strictly, proved with the partner's keys, turned into profiles."""
