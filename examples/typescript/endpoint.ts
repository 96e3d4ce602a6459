// An endpoint: receives webhooks, verifies them, drops doubles and sorts out what comes late.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

type Event = { id: string; type: string; subject: string; version?: number };

// A real endpoint keeps these in its database, in the transaction that does the work.
const seen = new Set<string>();
const versions = new Map<string, number>();

/** Works on an event, at most once. */
function handle(event: Event): void {
  if (seen.has(event.id)) return;
  seen.add(event.id);
  // Events of payments have no version. They come in the order of their time.
  const version = event.version ?? 0;
  if (version < (versions.get(event.subject) ?? 0)) return;
  versions.set(event.subject, version);
  console.log(event.type, event.subject);
}

/** Gives the status to answer with. */
async function receive(request: IncomingMessage): Promise<number> {
  try {
    // Over the text as it came. It checks the time too.
    handle(webhook.verify(await text(request), request.headers as Record<string, string>) as Event);
    return 204;
  } catch (error) {
    return error instanceof WebhookVerificationError ? 401 : 500;
  }
}

const server = createServer(async (request, response) => {
  response.writeHead(await receive(request)).end();
});
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
