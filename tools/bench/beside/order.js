// An order, as both of them check and decide it: much of what Sluice checks, in the way that is usual there.

const text = (maxLength) => ({ type: 'string', minLength: 1, maxLength });

const ADDRESS = {
  type: 'object',
  required: ['line1', 'country'],
  additionalProperties: false,
  properties: {
    line1: text(200),
    line2: text(200),
    city: text(100),
    region: text(100),
    postal_code: text(16),
    country: { type: 'string', pattern: '^[A-Z]{2}$' },
  },
};

const LINE = {
  type: 'object',
  required: ['sku', 'quantity', 'unit_price'],
  additionalProperties: false,
  properties: {
    sku: text(64),
    name: text(200),
    quantity: { type: 'integer', minimum: 1, maximum: 1000 },
    unit_price: { type: 'integer', minimum: 0, maximum: 1e12 },
  },
};

/** The body of POST /orders, as a JSON schema. */
export const ORDER = {
  type: 'object',
  required: ['customer', 'currency', 'lines'],
  additionalProperties: false,
  properties: {
    reference: text(64),
    customer: {
      type: 'object',
      required: ['email'],
      additionalProperties: false,
      properties: { email: { type: 'string', format: 'email', maxLength: 254 }, name: text(200), phone: text(32) },
    },
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    lines: { type: 'array', minItems: 1, maxItems: 100, items: LINE },
    shipping_address: ADDRESS,
    note: text(2000),
    metadata: { type: 'object', maxProperties: 50, additionalProperties: { type: 'string', maxLength: 500 } },
  },
};

/** The record of an order, as JSON. Nobody holds stock for it or charges it, so it is confirmed. */
export function decide(id, order) {
  const total = order.lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
  return JSON.stringify({ id, status: 'confirmed', version: 1, total, ...order, updated_at: new Date().toISOString() });
}

/** Where the record lies in the store. */
export const recordKey = (id) => `order/${id}`;
