"""The staff's console for endpoints, deliveries and event types."""

from typing import Final

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from core.encryption import decrypt
from sticker_auth.roles import Role
from tests.admin.staff import form_id_of, signed_in
from tests.admin.test_query_counts import MOST_QUERIES, questions
from tests.factories import make_partner
from tests.webhooks.conftest import HOOK, Backend, finish, make_backend
from webhooks.admin.plots import plots_of, success_rates
from webhooks.catalogue import CATALOGUE
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint
from webhooks.services.messages import send_probe

ACTS: Final = {
    "test": Role.SUPPORT,
    "replay": Role.SUPPORT,
    "pause": Role.SUPPORT,
    "rotate": Role.SUPPORT,
    "edit": Role.ISSUER,
    "delete": Role.ISSUER,
    "disable": Role.RESPONDER,
}


@pytest.fixture
def endpoint(backend: Backend) -> Endpoint:
    return backend.open_endpoint(description="Shop <i>hook</i>", event_types=["order.*", "cart.updated"])


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(is_superuser=True)


def url_of(endpoint: Endpoint, act: str = "change") -> str:
    return reverse(f"admin:webhooks_endpoint_{act}", args=[endpoint.pk])


def delivery_of(endpoint: Endpoint, *, text: str = "") -> Delivery:
    endpoint.refresh_from_db()
    delivery = send_probe(endpoint, event_type="order.shipped", data={"note": "<b>bold</b>"})
    Delivery.objects.filter(pk=delivery.pk).update(is_probe=False)
    finish(delivery, state=DeliveryState.FAILED)
    Attempt.objects.create(
        delivery=delivery, endpoint=endpoint, number=1, started_at=timezone.now(), total_ms=120, dns_ms=4, status=500,
        reason="server_error", address="203.0.113.9", response_text=text, response_headers={"server": "nginx"},
    )  # fmt: skip
    return delivery


def test_list_shows_health_and_nothing_secret(root: Client, endpoint: Endpoint) -> None:
    delivery_of(endpoint)
    page = root.get(reverse("admin:webhooks_endpoint_changelist")).content.decode()
    assert "receiver.example/hook" in page
    assert "50.0 %" in page  # of the ping and one failure
    assert "Shop &lt;i&gt;hook&lt;/i&gt;" in page
    assert "whsec_" not in page


def test_empty_lists_and_pages_work(root: Client, backend: Backend) -> None:
    for name in ("webhooks_endpoint_changelist", "webhooks_delivery_changelist"):
        assert root.get(reverse(f"admin:{name}")).status_code == 200
    bare = Endpoint.objects.get(pk=backend.add_endpoint()["id"])
    assert root.get(url_of(bare)).status_code == 200


@pytest.mark.parametrize(
    "query", ["status=failing", "status=deleted", "status=unverified", "format=stash", "q=receiver", "q=nothing"]
)
def test_endpoint_filters_answer(root: Client, endpoint: Endpoint, query: str) -> None:
    assert root.get(f"{reverse('admin:webhooks_endpoint_changelist')}?{query}").status_code == 200


def test_delivery_list_is_searched_and_filtered(root: Client, endpoint: Endpoint) -> None:
    delivery = delivery_of(endpoint)
    listed = reverse("admin:webhooks_delivery_changelist")
    link = reverse("admin:webhooks_delivery_change", args=[delivery.pk])
    found = [
        f"q={delivery.message.message_id}",
        f"endpoint={endpoint.pk}",
        "state=failed",
        "type=order.shipped",
        "q=order.shipped",
    ]
    for query in [*found, f"q={endpoint.pk}", "time=1h", "outcome=delivered"]:
        assert link in root.get(f"{listed}?{query}").content.decode(), query
    for query in ("state=parked", "q=msg_unknown", "endpoint=nonsense", "outcome=gone"):
        assert link not in root.get(f"{listed}?{query}").content.decode(), query


def test_delivery_page_shows_attempts_and_answers_as_text_only(root: Client, endpoint: Endpoint) -> None:
    delivery = delivery_of(endpoint, text="<script>alert(1)</script>")
    page = root.get(reverse("admin:webhooks_delivery_change", args=[delivery.pk])).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)</script>" not in page
    assert "<b>bold</b>" not in page
    assert "203.0.113.9" in page
    assert root.get(reverse("admin:webhooks_delivery_change", args=["x"])).status_code == 404


def test_new_endpoint_shows_its_secret_once(root: Client, db: None) -> None:
    partner = make_partner()
    url = reverse("admin:webhooks_endpoint_create")
    sent = {
        "form_id": form_id_of(root, url),
        "partner": partner.slug,
        "environment": "test",
        "url": HOOK,
        "event_types": "order.*\ncart.updated",
        "signature_format": "stash",
        "max_concurrency": "5",
    }
    shown = root.post(url, sent)
    endpoint = Endpoint.objects.get()
    secret = endpoint.secrets.get()
    text = decrypt(bytes(secret.sealed), place=secret.place(endpoint)).decode()
    assert shown.status_code == 200
    assert text in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert endpoint.event_types == ["order.*", "cart.updated"]
    again = root.post(url, sent)
    assert again.status_code == 409
    assert text not in again.content.decode()
    assert Endpoint.objects.count() == 1
    assert Event.objects.get(type="endpoint.created").actor_kind == "staff"


def test_bad_url_is_said_beside_its_field(root: Client, db: None) -> None:
    url = reverse("admin:webhooks_endpoint_create")
    sent = {
        "form_id": form_id_of(root, url), "partner": make_partner().slug, "environment": "live", "url": "http://10.0.0.1/",
        "event_types": "order.*", "signature_format": "standard", "max_concurrency": "5",
    }  # fmt: skip
    answer = root.post(url, sent)
    assert answer.status_code == 200
    assert "url" in answer.context["form"].errors
    assert not Endpoint.objects.exists()


def test_rotation_shows_its_secret_once(root: Client, endpoint: Endpoint) -> None:
    url = url_of(endpoint, "rotate")
    sent = {"form_id": form_id_of(root, url), "overlap": "86400", "reason": "Yearly"}
    shown = root.post(url, sent).content.decode()
    pending = endpoint.secrets.get(state="pending")
    assert decrypt(bytes(pending.sealed), place=pending.place(endpoint)).decode() in shown
    assert root.post(url, sent).status_code == 409
    assert endpoint.secrets.filter(state="pending").get() == pending


def test_acts_change_the_endpoint_and_are_recorded(root: Client, endpoint: Endpoint) -> None:
    delivery_of(endpoint)
    spec = {"url": HOOK, "event_types": "*", "signature_format": "sticker", "max_concurrency": "3"}
    since = timezone.now().strftime("%Y-%m-%dT00:00")
    calls = [
        ("edit", {**spec, "reason": "Asked for"}, "endpoint.updated"),
        ("test", {"event_type": "cart.updated"}, "endpoint.tested"),
        ("replay", {"since": since, "types": "*", "states": ["failed"]}, "delivery.replayed"),
        ("pause", {"reason": "Maintenance"}, "endpoint.paused"),
        ("resume", {"reason": "Done"}, "endpoint.resumed"),
        ("disable", {"reason": "Abuse"}, "endpoint.disabled"),
        ("enable", {"reason": "Cleared"}, "endpoint.enabled"),
        ("delete", {"reason": "Gone", "confirm": str(endpoint.pk)[:8]}, "endpoint.deleted"),
    ]
    for act, sent, recorded in calls:
        answer = root.post(url_of(endpoint, act), sent)
        assert answer.status_code == 302, (act, answer.context["form"].errors if answer.context else answer.content)
        assert Event.objects.filter(type=recorded, actor_kind="staff").count() == 1, act
    endpoint.refresh_from_db()
    assert endpoint.deleted_at
    assert root.get(url_of(endpoint)).status_code == 200


def test_odd_forms_are_refused_and_change_nothing(root: Client, endpoint: Endpoint) -> None:
    calls = [
        ("test", {"event_type": "endpoint.verify"}),
        ("test", {"event_type": "x"}),
        ("replay", {"since": "2020-01-01T00:00", "types": "*", "states": ["failed"]}),
        ("delete", {"reason": "Gone", "confirm": "other"}),
        ("edit", {"url": HOOK, "event_types": "Wrong", "signature_format": "stash", "max_concurrency": "5", "reason": "x"}),
    ]
    before = Event.objects.count()
    for act, sent in calls:
        assert root.post(url_of(endpoint, act), sent).status_code == 200, act
    assert Event.objects.count() == before


def test_one_delivery_is_sent_again(root: Client, endpoint: Endpoint) -> None:
    delivery = delivery_of(endpoint)
    assert root.post(reverse("admin:webhooks_delivery_replay", args=[delivery.pk])).status_code == 302
    delivery.refresh_from_db()
    assert delivery.state == "pending"


@pytest.mark.parametrize("role", list(Role))
def test_an_act_opens_for_its_role_alone(endpoint: Endpoint, role: Role) -> None:
    client = signed_in(role)
    delivery = delivery_of(endpoint)
    acts = {url_of(endpoint, act): needed for act, needed in ACTS.items()}
    acts[reverse("admin:webhooks_endpoint_create")] = Role.ISSUER
    acts[reverse("admin:webhooks_delivery_replay", args=[delivery.pk])] = Role.SUPPORT
    shown = client.get(url_of(endpoint)).content + client.get(reverse("admin:webhooks_endpoint_changelist")).content
    shown += client.get(reverse("admin:webhooks_delivery_change", args=[delivery.pk])).content
    for url, needed in acts.items():
        expected = 200 if role is needed else 403
        assert client.get(url).status_code == expected, url
        assert (f'href="{url}"'.encode() in shown) is (role is needed), url
    for url in (url_of(endpoint), reverse("admin:webhooks_endpoint_event_types")):
        assert client.get(url).status_code == 200


def test_event_types_have_a_page_with_a_sample_of_each_format(root: Client) -> None:
    listed = root.get(reverse("admin:webhooks_endpoint_event_types")).content.decode()
    for type_ in CATALOGUE:
        url = reverse("admin:webhooks_endpoint_event_type", args=[type_])
        assert url in listed
        page = root.get(url).content.decode()
        assert page.count("&quot;data&quot;:") == 3, type_
    assert root.get(reverse("admin:webhooks_endpoint_event_type", args=["made.up"])).status_code == 404
    assert Client().get(reverse("admin:webhooks_endpoint_event_types")).status_code == 302


def test_plots_count_attempts_and_times(endpoint: Endpoint) -> None:
    for number, (reason, took) in enumerate([("delivered", 40), ("delivered", 60), ("read_timeout", 10_000)], start=2):
        Attempt.objects.create(
            delivery=endpoint.deliveries.all()[0], endpoint=endpoint, number=number, started_at=timezone.now(), total_ms=took,
            reason=reason,
        )  # fmt: skip
    attempts, latency, *_ = plots_of(endpoint.pk, timezone.now())
    assert attempts.summary == "3 delivered, 1 failed"  # with the ping
    assert latency.summary.startswith("latest: median 40 ms")
    rate = success_rates([endpoint.pk], since=timezone.now().replace(hour=0, minute=0))[endpoint.pk]
    assert str(rate) == "75.0 %"


def test_plots_of_nothing_are_flat(endpoint: Endpoint) -> None:
    other = Endpoint(partner=endpoint.partner)
    assert {plot.most for plot in plots_of(other.pk, timezone.now())} == {"0", "0 ms"}


def test_lists_cost_the_same_for_one_row_and_for_many(root: Client, backend: Backend, endpoint: Endpoint) -> None:
    delivery_of(endpoint)
    lists = [reverse("admin:webhooks_endpoint_changelist"), reverse("admin:webhooks_delivery_changelist")]
    few = [questions(root, url) for url in lists]
    for _ in range(4):
        delivery_of(make_backend().open_endpoint())
    assert [questions(root, url) for url in lists] == few
    assert max(few) <= MOST_QUERIES
    assert questions(root, url_of(endpoint)) <= 24
