"""An endpoint: receives webhooks, verifies them, drops doubles and sorts out what comes late."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ.get("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))

# A real endpoint keeps these in its database, in the transaction that does the work.
LOCK, SEEN, VERSIONS = Lock(), set(), {}


def handle(event):
    """Works on an event, at most once."""
    with LOCK:
        if event["id"] in SEEN:
            return
        SEEN.add(event["id"])
        # Events of payments have no version. They come in the order of their time.
        version = event.get("version", 0)
        if version < VERSIONS.get(event["subject"], 0):
            return
        VERSIONS[event["subject"]] = version
        print(event["type"], event["subject"], flush=True)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            # Over the bytes as they came. It checks the time too.
            event = WEBHOOK.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_response(401)
        else:
            handle(event)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8000))), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
