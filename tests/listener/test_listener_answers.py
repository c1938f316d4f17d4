"""Every answer of the webhook endpoint (DESIGN §9), over real HTTP, and what is on disk when it is given."""

import hashlib
import hmac
from datetime import timedelta

import pytest

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.signatures import Verifier
from bcifs_console.listener.state import Endpoint
from bcifs_console.store import journal, queue, webhooks
from tests.listener.listener_front import STORE_HASH, Front, Headers, event, padded


def without(headers: Headers, name: str) -> Headers:
    return [(n, v) for n, v in headers if n != name]


def changed(headers: Headers, name: str, value: str) -> Headers:
    return [(n, value if n == name else v) for n, v in headers]


async def test_a_genuine_delivery_is_on_disk_and_its_order_due_when_200_is_given(front: Front) -> None:
    body = event(5001)

    answer = await front.post(body)

    assert answer.status_code == 200
    assert front.on_disk() == [5001]
    assert front.on_disk("SELECT body FROM webhook_delivery") == [body.decode()]
    assert front.on_disk("SELECT state FROM store_order WHERE order_id = 5001") == ["due"]
    assert front.metric("accepted") == 1


async def test_the_200_is_empty_and_carries_no_headers_but_its_length(front: Front) -> None:
    answer = await front.post()
    assert answer.content == b""
    assert dict(answer.headers) == {"content-length": "0"}


async def test_a_repeated_delivery_is_accepted_and_stored_once(front: Front) -> None:
    first = await front.post()
    front.clock.advance(60)
    second = await front.post()  # the same body, signed anew, as a retry is

    assert (first.status_code, second.status_code) == (200, 200)
    assert front.on_disk() == [272]
    assert front.metric("accepted") == 2


async def test_the_key_of_duplicates_is_time_order_and_the_hash_of_the_body(front: Front) -> None:
    """Equal bytes give equal keys; keys of events that follow each other stand side by side in their index."""
    await front.post(event(1))
    digest = hashlib.sha256(event(1)).hexdigest()
    assert front.on_disk("SELECT dedupe FROM webhook_delivery") == [f"{1796126399:010x}-{1:010x}-{digest}"]


@pytest.mark.parametrize("scope", ["store/customer/created", "store/something/new", "store/hook/deliveryException"])
async def test_a_scope_without_an_order_is_accepted_and_makes_no_work(front: Front, scope: str) -> None:
    answer = await front.post(event(scope=scope))

    assert answer.status_code == 200
    assert front.on_disk("SELECT scope FROM webhook_delivery WHERE order_id IS NULL") == [scope]
    assert front.on_disk("SELECT order_id FROM store_order") == []


async def test_exceptions_have_an_address_of_their_own(front: Front) -> None:
    answer = await front.post(event(scope="store/hook/deliveryException"), path=front.path + "/exceptions")
    assert answer.status_code == 200
    assert front.on_disk("SELECT scope FROM webhook_delivery") == ["store/hook/deliveryException"]


async def test_the_x_bc_signature_alone_is_enough(front: Front) -> None:
    body = event()
    signature = hmac.new(b"planted-bc-client-secret", body, hashlib.sha256).hexdigest()
    answer = await front.post(body, [("X-BCIFS-Key", front.hook_secret), ("X-BC-Signature", signature)])
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_another_method_than_post_is_405(front: Front, method: str) -> None:
    answer = await front.client.request(method, front.public + front.path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/webhooks/bigcommerce/" + "0" * 32, "/webhooks/bigcommerce/", "/", "/metrics"])
async def test_an_unknown_address_is_404(front: Front, path: str) -> None:
    answer = await front.post(path=path)
    assert answer.status_code == 404
    assert front.on_disk() == []


async def test_a_right_address_with_a_slash_behind_is_not_redirected(front: Front) -> None:
    assert (await front.post(path=front.path + "/")).status_code == 404


async def test_a_body_of_65536_bytes_is_taken(front: Front) -> None:
    assert (await front.post(padded(event(), 65_536))).status_code == 200


async def test_one_byte_more_is_413(front: Front) -> None:
    answer = await front.post(padded(event(), 65_537))
    assert answer.status_code == 413
    assert front.on_disk() == []


async def test_a_body_far_too_large_is_413_although_it_is_still_being_sent(front: Front) -> None:
    assert (await front.post(padded(event(), 3_000_000))).status_code == 413


async def test_the_size_of_a_genuine_but_unknown_delivery_is_judged_before_its_address(front: Front) -> None:
    answer = await front.post(padded(event(), 65_537), path="/webhooks/bigcommerce/" + "0" * 32)
    assert answer.status_code == 413


async def test_missing_and_wrong_credentials_are_401_counted_by_kind_and_never_stored(front: Front) -> None:
    body = event()
    genuine = front.signed(body)
    cases = {
        "missing_secret_header": without(genuine, "x-bcifs-key"),
        "wrong_secret_header": changed(genuine, "x-bcifs-key", "guess"),
        "missing_signature": genuine[:1],
        "wrong_signature": [*genuine[:1], *front.signed(body, secret="another secret")[1:]],
        "malformed": without(genuine, "webhook-id"),
        "duplicate_header": [*genuine, genuine[0]],
        "expired": front.signed(body, at=front.clock.now() - timedelta(seconds=301)),
    }
    for kind, headers in cases.items():
        answer = await front.post(body, headers)
        assert (kind, answer.status_code, answer.content) == (kind, 401, b"")
        assert front.metric(kind) == 1
    await front.state.outcomes.flush()

    assert front.on_disk() == []
    assert front.on_disk("SELECT order_id FROM store_order") == []
    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts == {(front.connection_id, f"refused:{kind}"): 1 for kind in cases}


@pytest.mark.parametrize("name", ["webhook-signature", "webhook-id", "webhook-timestamp", "x-bcifs-key"])
async def test_a_credential_that_occurs_twice_is_401_on_the_wire_too(front: Front, name: str) -> None:
    body = event()
    headers = front.signed(body)
    line = await front.dial()
    twice = [*headers, (name.upper(), dict(headers)[name]), ("content-length", str(len(body)))]
    await line.send(front.head(twice) + body)
    assert await line.status() == 401


async def test_a_body_changed_on_the_way_is_401(front: Front) -> None:
    answer = await front.post(event(272), front.signed(event(273)))
    assert answer.status_code == 401
    assert front.on_disk() == []


async def test_a_replayed_delivery_is_harmless_while_fresh_and_401_afterwards(front: Front) -> None:
    body = event()
    recorded = front.signed(body)
    assert (await front.post(body, recorded)).status_code == 200

    front.clock.advance(299)
    assert (await front.post(body, recorded)).status_code == 200
    front.clock.advance(2)
    assert (await front.post(body, recorded)).status_code == 401

    assert front.metric("expired") == 1
    assert front.on_disk() == [272]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"store/order/created"',
        b'{"scope":"store/order/created"}',
        b'{"scope":NaN}',
        b"\xff\xfe",
        event() + event(),
        event().replace(b'"data"', b'"scope":"store/order/created","data"'),
        b"[" * 60_000,
        b"\x00",
    ],
)
async def test_signed_nonsense_is_400_and_not_stored(front: Front, body: bytes) -> None:
    signature = hmac.new(b"planted-bc-client-secret", body, hashlib.sha256).hexdigest()
    answer = await front.post(body, [("x-bcifs-key", front.hook_secret), ("x-bc-signature", signature)])
    assert answer.status_code == 400
    assert front.on_disk() == []


async def test_unsigned_nonsense_is_401_because_it_is_not_even_read(front: Front) -> None:
    assert (await front.post(b"{", [])).status_code == 401


async def test_an_empty_request_without_credentials_is_401(front: Front) -> None:
    answer = await front.client.post(front.public + front.path)
    assert answer.status_code == 401


async def test_a_genuine_event_of_another_store_is_403_and_not_stored(front: Front) -> None:
    answer = await front.post(event(producer="stores/other99"))
    assert answer.status_code == 403
    assert front.metric("other_store") == 1
    assert front.on_disk() == []


async def test_endpoints_are_swapped_while_the_listener_runs(front: Front) -> None:
    verifier = Verifier(
        client_secrets=[Secret("planted-bc-client-secret")],
        schemes=["standard_webhooks"],
        hook_secrets=[Secret(front.hook_secret)],
        hook_header="X-BCIFS-Key",
        tolerance_s=300,
    )
    moved = Endpoint(front.connection_id, "acme-eu", STORE_HASH, verifier)
    front.state.replace({"f" * 32: moved})

    assert (await front.post()).status_code == 404
    assert (await front.post(path="/webhooks/bigcommerce/" + "f" * 32)).status_code == 200
    assert front.metric("accepted", "acme-eu") == 1


async def test_a_refused_delivery_of_an_unknown_address_is_counted_without_a_connection(front: Front) -> None:
    await front.post(path="/webhooks/bigcommerce/guess")
    await front.state.outcomes.flush()
    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts == {(None, "refused:unknown_token"): 1}
    assert front.metric("unknown_token", "") == 1


async def test_how_deliveries_ended_is_sampled_for_each_connection(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    await front.post(event(1))
    await front.post(event(2))
    await front.post(event(3), [])
    await front.post(path="/webhooks/bigcommerce/guess")
    monkeypatch.setattr("bcifs_console.listener.state.ACKNOWLEDGE_WITHIN_S", 0.0)
    assert (await front.post(event(4))).status_code == 200  # taken in, and tried again by BigCommerce all the same
    await front.state.outcomes.flush()
    await front.state.outcomes.flush()
    sampled = await front.database.read(lambda conn: webhooks.sampled(conn, front.connection_id, front.clock.now()))
    assert sampled == {"accepted": 2, "missing_secret_header": 1, "late": 1}
    assert front.on_disk("SELECT count(*) FROM hook_sample") == [3]
    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts[front.connection_id, "accepted"] == 3
    assert (front.connection_id, "refused:late") not in counts


async def test_a_flood_of_refusals_costs_the_store_one_row_a_kind(front: Front) -> None:
    for _ in range(50):
        await front.post(event(), [])
    assert front.on_disk("SELECT count(*) FROM counter") == [0]
    await front.state.outcomes.flush()
    assert front.on_disk("SELECT delta FROM counter") == [50]


async def test_orders_made_due_by_deliveries_are_there_for_a_worker(front: Front) -> None:
    for order_id in (7, 8, 7):
        await front.post(event(order_id))
    states = await front.database.read(queue.states)
    assert states == {(front.connection_id, "due"): 2}
