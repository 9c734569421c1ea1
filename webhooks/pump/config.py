"""How the pump of one process behaves; read from the settings at the door."""

from dataclasses import dataclass, field

from django.conf import settings

from core.egress.door import DoorLimits


@dataclass(frozen=True, slots=True)
class Shard:
    """A share of the endpoints: those whose hash leaves `index` when divided by `count`."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class PumpConfig:
    """`sockets` calls at most at once; past `partner_share` of them, or `per_host`, only spare ones are given to the same."""

    sockets: int
    limits: DoorLimits
    lease_seconds: float
    first_retry_seconds: float
    keeps_connections: bool
    nameservers: tuple[str, ...]
    shard: Shard = field(default_factory=Shard)
    partner_share: float = 0.2
    per_host: int = 10
    poll_seconds: float = 0.2
    flush_seconds: float = 0.02
    grace_seconds: float = 5.0

    @property
    def partner_sockets(self) -> int:
        """What one partner may always have."""
        return max(1, int(self.sockets * self.partner_share))


def read_config(*, shard: Shard | None = None) -> PumpConfig:
    """Read the settings."""
    total = settings.WEBHOOK_ATTEMPT_SECONDS
    limits = DoorLimits(
        total_seconds=total,
        connect_seconds=min(5.0, total),
        read_seconds=min(10.0, total),
        body_seconds=min(3.0, total),
    )
    return PumpConfig(
        sockets=settings.WEBHOOK_SOCKETS,
        limits=limits,
        lease_seconds=settings.WEBHOOK_LEASE_SECONDS,
        first_retry_seconds=settings.WEBHOOK_FIRST_RETRY_SECONDS,
        keeps_connections=settings.WEBHOOK_KEEP_CONNECTIONS,
        nameservers=tuple(settings.EGRESS_NAMESERVERS),
        shard=shard or Shard(),
    )
