"""A payment provider that keeps the contract of docs/payments.md, to test against. It takes no money.

    python3 docs/payment_provider.py [port] [file] [key]

The file (payments.db) keeps what was answered. With a key, requests must carry it. The token tok_declined is declined.
The token tok_pending is pending until somebody opens its next_action, /pay/{order}. A charge of the shop's own whose id
begins with auth_ is only authorized.
"""
import hashlib, json, sqlite3, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, file, key = [*sys.argv[1:], *["8100", "payments.db", ""][len(sys.argv) - 1:]]
table = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
table.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, asked TEXT, status INTEGER, answer TEXT)")
one_at_a_time = threading.Lock()  # A request that comes while the first one still runs waits for its answer.

def answered(key):
    return table.execute("SELECT asked, status, answer FROM answers WHERE key = ?", [key]).fetchone()

def taken(order, capture=True):
    return {"id": "ch_" + order, "status": "succeeded" if capture else "authorized"}

def change(order, status, answer):
    table.execute("UPDATE answers SET status = ?, answer = ? WHERE key = ? AND status = 202",
                  [status, json.dumps(answer), order])

def charge(order, body):
    closing = answered(order + "/refund")
    if closing and closing[1] == 410:
        return 410, {"detail": "this order is closed"}
    if (body.get("payment") or {}).get("token") == "tok_declined":
        return 402, {"detail": "the card was declined"}
    if (body.get("payment") or {}).get("token") == "tok_pending":
        page = "http://127.0.0.1:%d/pay/%s" % (server.server_port, order)
        return 202, {"status": "requires_action", "next_action": page, "capture": body.get("capture", True)}
    return 201, taken(order, body.get("capture", True))

def authorized(order):
    charged = answered(order)
    return charged and charged[1] == 201 and json.loads(charged[2])["status"] == "authorized"

def capture(order, body):
    if answered(order + "/refund"):
        return 410, {"detail": "this order is closed"}
    if body.get("charge_id") or authorized(order):
        return 201, {"id": "cap_" + order, "status": "captured"}
    return 404, {"detail": "nothing is authorized for this order"}

def refund(order, body):
    charged, captured = answered(order), answered(order + "/capture")
    only_authorized = authorized(order) or (body.get("charge_id") or "").startswith("auth_")
    if only_authorized and not (captured and captured[1] == 201):
        return 410, {"detail": "nothing was taken for this order, and it is closed now"}
    if body.get("charge_id") or charged and charged[1] == 201:
        return 201, {"id": "re_" + order, "status": "succeeded"}
    change(order, 410, {"detail": "this order is closed"})
    return 410, {"detail": "this order was never charged, and is closed now"}

POSTS = {"/charges": charge, "/captures": capture, "/refunds": refund}

class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"] or 0))
        decide, known_by = POSTS.get(self.path), self.headers["Idempotency-Key"]
        if key and self.headers["Authorization"] != "Bearer " + key:
            return self.say(401, {"detail": "the key is missing or wrong"})
        if not decide:
            return self.say(404, {"detail": "POST /charges, /captures or /refunds"})
        try:
            body = json.loads(text)
            asked = json.dumps([body.get(name) for name in ["order_id", "amount", "currency", "charge_id", "payment"]])
            asked = hashlib.sha256(asked.encode()).hexdigest()  # It has a token in it, which nobody may read here.
            with one_at_a_time:
                if not answered(known_by):
                    status, answer = decide(body["order_id"] + "", body)
                    row = [known_by + "", asked, status, json.dumps(answer)]
                    table.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", row)
                before, status, answer = answered(known_by)
        except (ValueError, KeyError, TypeError, AttributeError):
            return self.say(400, {"detail": "send an Idempotency-Key, and JSON as docs/payments.md shows it"})
        if asked != before:
            return self.say(422, {"detail": "this key was used for another request"})
        self.say(status, json.loads(answer))

    def do_GET(self):
        _, verb, order = (self.path + "//").split("/")[:3]
        if verb == "charges" and key and self.headers["Authorization"] != "Bearer " + key:
            return self.say(401, {"detail": "the key is missing or wrong"})
        if verb == "pay" and answered(order):
            change(order, 201, taken(order, json.loads(answered(order)[2]).get("capture", True)))
        if verb:
            if answered(order + "/refund"):
                return self.say(410, {"detail": "this order is closed"})
            _, status, answer = answered(order) or [None, 404, '{"detail": "there is no such charge"}']
            return self.say(status, json.loads(answer))
        rows = table.execute("SELECT key, status, answer FROM answers ORDER BY rowid").fetchall()
        self.say(200, [{"key": key, "status": status, "answer": json.loads(answer)} for key, status, answer in rows])

    def say(self, status, answer):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(json.dumps(answer))))
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

server = ThreadingHTTPServer(("127.0.0.1", int(port)), Provider)
print("payment_url is http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
