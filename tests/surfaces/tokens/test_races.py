"""Many at once: refreshes of one token, accounts of one e-mail address, secrets of one client."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from core.principals import Environment
from surfaces.models import ClientSecret, LoginSession, ResellerAccount
from surfaces.names import SurfaceName
from surfaces.services import clients, resellers
from surfaces.token_errors import EmailTakenError
from tests.factories import ALICE
from tests.surfaces.tokens.parties import STOREFRONT_TOKEN, make_customer, make_entitled, make_program, post_form

CALLERS: Final = 12


def at_once(act: Callable[[int], Any]) -> list[Any]:
    """Run an act in many threads, each with a connection of its own."""

    def run(number: int) -> Any:
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(run, range(CALLERS)))


def test_of_many_who_refresh_at_once_all_get_the_one_successor(fresh_database: Any) -> None:
    given = {"grant_type": "refresh_token", "refresh_token": make_customer().signed_in()["RefreshToken"]}
    answers = at_once(lambda _: post_form(STOREFRONT_TOKEN, given))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert LoginSession.objects.get().generation == 1


def test_of_many_who_take_an_email_at_once_one_gets_it(fresh_database: Any) -> None:
    partner = make_entitled(SurfaceName.RESELLER)

    def take(number: int) -> bool:
        email = "Agent@reseller.example" if number % 2 else "agent@reseller.example"
        try:
            resellers.create_reseller(partner, spec=resellers.ResellerSpec(Environment.TEST, email), actor=ALICE)
        except EmailTakenError:
            return False
        return True

    assert sum(at_once(take)) == 1
    assert ResellerAccount.objects.count() == 1


def test_however_many_rotate_at_once_two_secrets_are_good(fresh_database: Any) -> None:
    client = make_program().client
    at_once(lambda _: clients.rotate_secret(client, overlap=timedelta(hours=1), reason="", actor=ALICE))
    assert ClientSecret.objects.filter(client=client).count() == CALLERS + 1
    assert ClientSecret.objects.filter(client=client).live(timezone.now()).count() == 2
