// A shop: places an order and follows it until it is decided. Needs Node's own library only.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const url = process.env.SLUICE_URL ?? "http://127.0.0.1:3000";
const key = process.env.SLUICE_KEY;

type Order = { id: string; status: string; reason_code?: string };

/** Sends a request. Its answer may have any status. */
function call(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
  if (key) headers.authorization = `Bearer ${key}`;
  if (body) headers["content-type"] = "application/json";
  return fetch(url + path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
}

/** Sends the order until there is an answer. The key makes it one order, however often it is sent. */
async function place(order: object, idempotencyKey: string): Promise<string> {
  for (let attempt = 0; attempt < 10; attempt++) {
    let seconds = 0.1 * 2 ** attempt;
    // If the answer is lost, nobody knows whether the order was taken.
    const answer = await call("POST", "/orders", order, { "idempotency-key": idempotencyKey }).catch(() => undefined);
    if (answer?.status === 202) return ((await answer.json()) as Order).id;
    if (answer && ![408, 429, 503].includes(answer.status)) throw new Error(await answer.text());
    seconds = Number(answer?.headers.get("retry-after") ?? seconds);
    await sleep(seconds * 1000);
  }
  throw new Error("Sluice gave no answer. Run this again with the same key.");
}

/** Gives the order once it is decided. While nothing changed, an answer is 304 and has no body. */
async function follow(id: string): Promise<Order> {
  let order: Order = { id, status: "queued" };
  let tag: string | null = null;
  for (let wait = 50; ["queued", "payment_pending"].includes(order.status); wait = Math.min(2 * wait, 2000)) {
    await sleep(wait);
    const answer = await call("GET", `/orders/${id}`, undefined, tag ? { "if-none-match": tag } : {});
    if (answer.status === 200) {
      tag = answer.headers.get("etag");
      order = (await answer.json()) as Order;
    }
  }
  return order;
}

const cart = {
  reference: "cart-4711",
  customer: { email: "ada@example.com" },
  currency: "EUR",
  lines: [{ sku: "TEA-1", quantity: 2, unit_price: 450 }],
  // What the customer was shown: an order that adds up to anything else is refused.
  total: 900,
};
// A real shop keeps the key with its cart, so that it is the same after a crash.
const placed = await place(cart, `cart-4711-${randomUUID()}`);
console.log("placed", placed);
const decided = await follow(placed);
console.log(decided.status, decided.reason_code ?? "");
