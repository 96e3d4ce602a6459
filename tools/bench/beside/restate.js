// Restate, as its documents have it: its server takes the order as a one-way call with an idempotency key, keeps it in
// its log, and calls a service, which checks and decides the order and writes its record.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { Redis } from 'ioredis';
import { ORDER, decide, recordKey } from './order.js';
import { inProcesses } from './processes.js';

const { values: options } = parseArgs({
  options: {
    // How many processes the service has.
    workers: { type: 'string', default: '1' },
    // The records' Redis.
    store: { type: 'string' },
    // An empty folder, for the server.
    data: { type: 'string' },
  },
});

// The SDK needs it, and node has it from 22 on.
Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new this((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
};

/** The service. A second call after a crash writes the same record again, so it needs no step of its own. */
async function service() {
  const restate = await import('@restatedev/restate-sdk');
  const store = new Redis(options.store);
  const isOrder = addFormats(new Ajv()).compile(ORDER);
  const place = async (context, order) => {
    if (!isOrder(order)) {
      throw new restate.TerminalError('the order is malformed', { errorCode: 422 });
    }
    const { id } = context.request();
    await store.set(recordKey(id), decide(id, order));
  };
  const orders = restate.service({ name: 'orders', handlers: { place } });
  http2.createServer(restate.createEndpointHandler({ services: [orders] })).listen(0, '127.0.0.1');
}

/** A port that was free just now. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts the server with its own defaults, and gives where it takes calls and where it is administered. */
async function serve() {
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const config = `${options.data}/restate.toml`;
  writeFileSync(
    config,
    `base-dir = ${JSON.stringify(options.data)}
bind-address = "127.0.0.1:${node}"
advertised-address = "http://127.0.0.1:${node}"
disable-telemetry = true
log-filter = "error"

[ingress]
bind-address = "127.0.0.1:${ingress}"

[admin]
bind-address = "127.0.0.1:${admin}"
disable-web-ui = true
`,
  );
  const program = `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`;
  const server = spawn(createRequire(import.meta.url).resolve(program), ['--no-logo', '--config-file', config], {
    stdio: 'inherit',
  });
  server.on('exit', () => process.exit(1));
  return { ingress, admin };
}

/** Tells the server of the service, as soon as it listens. */
async function register(admin, port) {
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${admin}/deployments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ uri: `http://127.0.0.1:${port}` }),
      });
      if (answer.ok) {
        return;
      }
    } catch {
      // It doesn't listen yet.
    }
    await sleep(50);
  }
}

const parts = Array(Number(options.workers)).fill('door');
const port = await inProcesses(parts, { door: service });
if (port) {
  const { ingress, admin } = await serve();
  await register(admin, port);
  console.log(`Restate runs at http://127.0.0.1:${ingress}`);
}
