"""A shop: places an order and follows it until it is decided. Needs Python's own library only."""

import json
import os
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("SLUICE_URL", "http://127.0.0.1:3000")
KEY = os.environ.get("SLUICE_KEY")


def call(method, path, body=None, **headers):
    """Sends a request. Gives status, headers and body of the answer, whatever the status."""
    if KEY:
        headers["authorization"] = f"Bearer {KEY}"
    if body is not None:
        headers["content-type"] = "application/json"
        body = json.dumps(body).encode()
    request = urllib.request.Request(URL + path, body, headers, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None


def place(order, idempotency_key):
    """Sends the order until there is an answer. The key makes it one order, however often it is sent."""
    for attempt in range(10):
        wait = 0.1 * 2**attempt
        try:
            status, headers, answer = call("POST", "/orders", order, **{"idempotency-key": idempotency_key})
        except OSError:
            # The answer is lost: nobody knows whether the order was taken.
            pass
        else:
            if status == 202:
                return answer["id"]
            if status not in (408, 429, 503):
                raise SystemExit(f"{answer['title']}: {answer['detail']}")
            wait = float(headers.get("retry-after", wait))
        time.sleep(wait)
    raise SystemExit("Sluice gave no answer. Run this again with the same key.")


def follow(order_id):
    """Gives the order once it is decided. While nothing changed, an answer is 304 and has no body."""
    order, tag, wait = {"status": "queued"}, None, 0.05
    while order["status"] in ("queued", "payment_pending"):
        time.sleep(wait)
        wait = min(2 * wait, 2)
        status, headers, answer = call("GET", f"/orders/{order_id}", **({"if-none-match": tag} if tag else {}))
        if status == 200:
            order, tag = answer, headers["etag"]
    return order


if __name__ == "__main__":
    cart = {
        "reference": "cart-4711",
        "customer": {"email": "ada@example.com"},
        "currency": "EUR",
        "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 450}],
        # What the customer was shown: an order that adds up to anything else is refused.
        "total": 900,
    }
    # A real shop keeps the key with its cart, so that it is the same after a crash.
    placed = place(cart, f"cart-4711-{uuid.uuid4()}")
    print("placed", placed)
    decided = follow(placed)
    print(decided["status"], decided.get("reason_code", ""))
