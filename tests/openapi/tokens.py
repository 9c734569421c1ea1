"""Those who ask for tokens, for the tests of the API document."""

from typing import TYPE_CHECKING, Any, Final

from partners.models import Partner
from tests.surfaces.tokens.parties import make_customer, make_program, make_reseller

if TYPE_CHECKING:
    from tests.openapi.conftest import Caller

# Nobody sends a credential in a header to these: what proves the caller stands in the body.
OPERATIONS: Final = frozenset({"generate_token", "customer_login", "reseller_token", "storefront_token", "storefront_logout"})
UNLIMITED: Final = {
    "LOGIN_FAILURES_PER_MINUTE": "1000000",
    "LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE": "1000000",
}


class TokenCallers:
    """An account, a client and a customer of a partner that is entitled to everything."""

    def __init__(self, partner: Partner) -> None:
        """Make them; must run where the database is the service's."""
        self._reseller = make_reseller(partner)
        self._program = make_program(partner)
        self._customer = make_customer(partner, email="document@shop.example")

    def lead(self, case: Any, operation_id: str, caller: "Caller") -> None:
        """Make a right request one that succeeds."""
        bodies = {
            "generate_token": {"Email": self._reseller.account.email, "Password": self._reseller.password},
            "customer_login": self._login,
            "reseller_token": {"client_id": self._program.client.client_id, "client_secret": self._program.secret},
        }
        if operation_id in bodies:
            case.body = bodies[operation_id]
        elif operation_id == "storefront_token":
            answer = caller.post("/Login/Customer/Verify", self._login, **{"X-Shop-Handle": self._customer.shop})
            case.body = {"grant_type": "refresh_token", "refresh_token": answer["data"]["RefreshToken"]}
        case.headers = {"X-Shop-Handle": self._customer.shop}

    @property
    def _login(self) -> dict[str, str]:
        return {"Email": self._customer.account.email, "Password": self._customer.password}
