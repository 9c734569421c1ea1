"""Every ring of the service is rotated by command while requests run on two servers, and no call is refused for it."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from audit.models import Event
from core import keyring_file
from core.encryption import key_id_of
from core.errors import ConflictError
from core.keyring import encryption_ring, jwt_ring, pepper_ring
from core.keyring_file import RING_SETTINGS, read_rings
from sticker_auth.local.environment import PROJECT_ROOT
from surfaces.models import ClientSecret
from surfaces.models.players import Algorithm, PlayerKey
from surfaces.names import SurfaceName
from surfaces.services import rings, sealed
from surfaces.services.rings import RingName
from tests.databases import django_at
from tests.factories import ALICE, make_key
from tests.journeys.parties import send
from tests.servers import TEST_SETTINGS, LiveService, StartService
from tests.surfaces.players.signers import make_issuer, signer
from tests.surfaces.tokens.parties import make_customer, make_entitled, make_program, post_form
from tests.surfaces.tokens.test_exchange import EXCHANGE, JWT

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from tests.databases import Databases

# A quarter of what the command waits by itself is not enough; this is, and keeps the test short.
WAIT: Final = "2.5"


def ring_file(folder: Path) -> Path:
    path = folder / "rings.env"
    path.write_text("".join(f"{name}={TEST_SETTINGS[name]}\n" for name in RING_SETTINGS))
    return path


class Traffic:
    """Callers who never stop, each on both servers in turn; what was not answered 2xx is kept."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.calls = 0
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, story: Callable[[], None]) -> None:
        def run() -> None:
            while not self._is_over.is_set():
                try:
                    story()
                except Exception as error:
                    self.failures.append(f"{story.__name__}: {error!r}")
                    return

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def call(self, service: LiveService, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        answer = send(service.base_url, method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        self.calls += 1
        assert answer.status in (200, 204), f"{method} {path}: {answer.status} {answer.raw[:300]!r}"
        return answer.body

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def servers(live_service: StartService, databases: "Databases", tmp_path: Path) -> Iterator[tuple[LiveService, LiveService]]:
    """Two processes over one database and one file of rings."""
    name = databases.clone()
    env = {"STICKER_KEYRING_FILE": str(ring_file(tmp_path)), "PUBLIC_BASE_URL": "http://auth.test"}
    env["ALLOWED_HOSTS"] = "127.0.0.1,auth.test"
    with ExitStack() as stack:
        stack.callback(databases.drop, name)
        started = [live_service(env=env, database_url=databases.url(name)) for _ in range(2)]
        yield started[0], started[1]
        for service in started:
            service.stop()


class Callers:
    """Four parties, each with a story of its own, told over and over again on both servers."""

    def __init__(self, servers: tuple[LiveService, LiveService]) -> None:
        self.servers = servers
        self.traffic = Traffic()
        partner = make_entitled(SurfaceName.RESELLER, SurfaceName.STOREFRONT)
        self.shop = partner.slug
        self.key = make_key(partner).plaintext
        self.program, self.customer = make_program(partner), make_customer(partner)
        self.player = signer(Algorithm.HS256)
        make_issuer(partner, self.player)

    def use_a_key(self) -> None:
        for service in self.servers:
            self.traffic.call(service, "GET", "/v1/whoami", Authorization=f"Bearer {self.key}")

    def use_a_client(self) -> None:
        given = {"client_id": self.program.client.client_id, "client_secret": self.program.secret}
        for service in self.servers:
            token = self.traffic.call(service, "POST", "/v1/reseller/token", given)["access_token"]
            for each in self.servers:
                self.traffic.call(each, "GET", "/Reseller/Account", Authorization=f"Bearer {token}")

    def sign_a_customer_in(self) -> None:
        one, other = self.servers
        typed = {"Email": self.customer.account.email, "Password": self.customer.password}
        data = self.traffic.call(one, "POST", "/Login/Customer/Verify", typed, X_Shop_Handle=self.shop)["data"]
        refresh, access = data["RefreshToken"], data["Token"]
        for service in (other, one, other, one):
            given = {"grant_type": "refresh_token", "refresh_token": refresh}
            body = self.traffic.call(service, "POST", "/v1/storefront/token", given)
            self.traffic.call(service, "GET", "/Storefront/Account", Authorization=f"Bearer {access}")
            refresh, access = body["refresh_token"], body["access_token"]

    def exchange_a_player_token(self) -> None:
        for service in self.servers:
            given = {"grant_type": EXCHANGE, "subject_token": self.player.token(), "subject_token_type": JWT}
            self.traffic.call(service, "POST", "/v1/storefront/token", given, X_Shop_Handle=self.shop)

    def start(self) -> None:
        for story in (self.use_a_key, self.use_a_client, self.sign_a_customer_in, self.exchange_a_player_token):
            self.traffic.start(story)


def test_all_rings_rotate_under_traffic_and_nobody_is_refused(
    servers: tuple[LiveService, LiveService], django_db_setup: None, django_db_blocker: "DjangoDbBlocker", tmp_path: Path
) -> None:
    with django_db_blocker.unblock(), django_at(servers[0].database_url):
        callers = Callers(servers)
    callers.start()
    rotate = ("rotate_ring", "--json", "--ring")
    try:
        told = [
            json.loads(servers[0].manage(*rotate, ring, "--wait-seconds", WAIT))
            for ring in ("jwt", "pepper", "encryption", "assertion", "jwt")
        ]
        resealed = json.loads(servers[0].manage(*rotate, "encryption", "--retire", "1"))
    finally:
        callers.traffic.stop()
    assert callers.traffic.failures == []
    assert callers.traffic.calls > 100
    assert [(each["ring"], each["signing"]) for each in told] == [
        ("jwt", 2),
        ("pepper", 2),
        ("encryption", 2),
        ("assertion", 2),
        ("jwt", 3),
    ]
    assert (resealed["retired"], resealed["resealed"]) == (1, 1)
    for service in servers:
        assert len(callers.traffic.call(service, "GET", "/.well-known/jwks.json")["keys"]) == 2
    assert {entry[0] for entry in read_rings(str(tmp_path / "rings.env"))["STICKER_JWT_KEYS"].split(",")} == {"1", "2", "3"}


@pytest.fixture
def file(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ring file that this process looks at anew on every use."""
    monkeypatch.setattr(keyring_file, "STALE_SECONDS", 0.0)
    path = ring_file(tmp_path)
    settings.STICKER_KEYRING_FILE = str(path)
    return path


def rotate(name: RingName) -> rings.RotatedRing:
    """Rotate for one process, which looks at the file every time: there is nobody to wait for."""
    return rings.rotate_ring(name, wait=timedelta(0), actor=ALICE)


@pytest.mark.django_db
class TestOneProcess:
    def test_each_ring_gets_a_new_number_that_signs(self, file: Path) -> None:
        for name in RingName:
            done = rotate(name)
            assert (done.signing, done.previous) == (2, 1)
        assert jwt_ring().active.id == pepper_ring().active.id == encryption_ring().active.id == 2
        assert Event.objects.filter(type="ring.rotated").count() == 4
        assert "STICKER_" not in str(list(Event.objects.values_list("data", flat=True)))

    def test_a_rotation_that_was_cut_short_is_gone_on_with(self, file: Path) -> None:
        staged = rings._stage(RingName.JWT)
        assert (staged, jwt_ring().active.id, len(jwt_ring())) == (2, 1, 2)
        assert rotate(RingName.JWT).signing == 2
        assert len(jwt_ring()) == 2

    def test_others_may_keep_our_public_keys_longer_than_our_processes_keep_the_file(self) -> None:
        assert RingName.JWT.wait.total_seconds() == 3
        assert RingName.ASSERTION.wait.total_seconds() == 303

    def test_without_a_file_it_is_refused_and_says_why(self, settings: Settings) -> None:
        settings.STICKER_KEYRING_FILE = ""
        with pytest.raises(ConflictError, match="STICKER_KEYRING_FILE"):
            rotate(RingName.JWT)
        assert not Event.objects.filter(type="ring.rotated").exists()

    def test_what_signs_is_not_retired_nor_what_is_unknown(self, file: Path) -> None:
        for number in (1, 7):
            with pytest.raises(ConflictError):
                rings.drop_secret(RingName.ENCRYPTION, number, actor=ALICE)

    def test_a_signing_key_is_kept_while_what_it_signed_may_be_about(self, file: Path) -> None:
        rotate(RingName.JWT)
        with pytest.raises(ConflictError, match="access tokens"):
            rings.retire_secret(RingName.JWT, 1, actor=ALICE)
        assert jwt_ring().get(1)
        rings.drop_secret(RingName.JWT, 1, actor=ALICE)
        assert jwt_ring().get(1) is None
        assert Event.objects.get(type="ring.retired").data == {"number": 1}

    def test_a_pepper_is_kept_while_anything_hangs_on_it(self, file: Path, settings: Settings) -> None:
        make_key()
        program = make_program()
        customer = make_customer()
        customer.signed_in()
        rotate(RingName.PEPPER)
        counted = rings.what_hangs_on(RingName.PEPPER, 1)
        assert counted["API keys"] == counted["client secrets"] == counted["customers' logins"] == 1
        with pytest.raises(ConflictError, match="1 API keys"):
            rings.retire_secret(RingName.PEPPER, 1, actor=ALICE)
        program.token()
        assert ClientSecret.objects.live(timezone.now()).get().pepper_id == 2
        assert rings.what_hangs_on(RingName.PEPPER, 1)["client secrets"] == 0

    def test_what_an_old_key_sealed_is_sealed_anew_and_still_opens(self, file: Path) -> None:
        partner = make_entitled(SurfaceName.STOREFRONT)
        by = signer(Algorithm.HS256)
        make_issuer(partner, by)
        rotate(RingName.ENCRYPTION)
        with pytest.raises(ConflictError, match="1 shared secrets"):
            rings.retire_secret(RingName.ENCRYPTION, 1, actor=ALICE)
        assert sealed.reseal(1) == 1
        assert sealed.reseal(1) == 0
        assert key_id_of(bytes(PlayerKey.objects.get().sealed or b"")) == 2
        rings.retire_secret(RingName.ENCRYPTION, 1, actor=ALICE)
        parameters = {"grant_type": EXCHANGE, "subject_token": by.token(), "subject_token_type": JWT}
        answer = post_form("/v1/storefront/token", parameters, headers={"X-Shop-Handle": partner.slug})
        assert answer.status_code == 200

    def test_the_command_says_what_it_refuses(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(CommandError):
            call_command("rotate_ring", "--ring", "jwt", "--retire", "1", "--json")
        assert json.loads(capsys.readouterr().out)["error"] == "CONFLICT"

    @pytest.mark.parametrize("arguments", [["--ring", "nothing"], ["--ring", "jwt", "--wait-seconds", "soon"], []])
    def test_the_command_refuses_arguments_it_does_not_know(self, arguments: list[str]) -> None:
        with pytest.raises((CommandError, SystemExit)):
            call_command("rotate_ring", *arguments)


def test_every_place_where_something_is_sealed_is_known_to_the_rotation() -> None:
    found = set()
    for path in PROJECT_ROOT.glob("[a-z]*/**/*.py"):
        if path.parts[len(PROJECT_ROOT.parts)] in ("tests", "bench", "tools", "var", "static_root"):
            continue
        text = path.read_text(encoding="utf-8")
        constants = dict(re.findall(r'^(\w+_TABLE)(?:: Final)? = "(\w+)"', text, re.MULTILINE))
        for first in re.findall(r"\bPlace\((\"?\w+\"?)", text):
            found.add(first.strip('"') if first.startswith('"') else constants.get(first, ""))
    assert found - {"", "self"} <= {column.table for column in sealed.COLUMNS}
