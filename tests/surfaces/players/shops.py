"""A partner whose issuer publishes a key set on a host of the test's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from core.errors import ServiceUnavailableError
from surfaces.models.players import JwksCache
from surfaces.players.checks import Use
from surfaces.players.proof import ProvenPlayer, prove_player
from surfaces.verification import NotProvenError
from tests.core.egress.hosts import Answer, Host
from tests.factories import make_partner
from tests.surfaces.players.signers import Signer, make_issuer, player_claims


class Shop:
    """A partner whose issuer publishes a key set."""

    def __init__(self, answer: Answer) -> None:
        self.there = Host(answer)
        self.partner = make_partner()
        self.issuer = make_issuer(self.partner, jwks_url=self.there.url("/jwks.json"))

    def prove(self, by: Signer, **claims: Any) -> ProvenPlayer:
        return prove_player(by.token(player_claims(**claims)), shop=self.partner.slug, use=Use.BEARER)

    def reason(self, by: Signer) -> str:
        try:
            self.prove(by)
        except NotProvenError as refused:
            return refused.reason
        except ServiceUnavailableError as error:
            return error.reason
        return "accepted"

    @property
    def cache(self) -> JwksCache:
        return JwksCache.objects.get(pk=self.issuer.pk)

    def age(self, **columns: timedelta) -> None:
        """Let time pass for the row: take an age from some of its instants."""
        cache = self.cache
        for name, age in columns.items():
            setattr(cache, name, getattr(cache, name) - age)
        cache.save(update_fields=list(columns))


OpenShop = Callable[[Answer], Shop]
