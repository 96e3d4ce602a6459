// Fastify 5 and BullMQ 6 on Redis, as their documents have it: a door that validates and adds a job, and a worker that
// decides the order and writes its record. The idempotency key is the job's id: BullMQ adds no second job of that id
// for as long as it keeps the first one. So it keeps all of them.

import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import { ORDER, decide, recordKey } from './order.js';
import { inProcesses } from './processes.js';

const { values: options } = parseArgs({
  options: {
    // Which of them take orders, and which work them off.
    doors: { type: 'string', default: '1' },
    workers: { type: 'string', default: '0' },
    // The queue's Redis, and the records'.
    redis: { type: 'string' },
    store: { type: 'string' },
  },
});

const QUEUE = 'orders';

// Retried as BullMQ's documents advise.
const JOB = { attempts: 5, backoff: { type: 'exponential', delay: 1000 } };

// Orders decided at the same time. More gave no more.
const CONCURRENCY = 64;

// BullMQ asks for no limit of retries in a worker's connection.
const connect = (url) => new Redis(url, { maxRetriesPerRequest: null });

const ROUTE = {
  schema: {
    headers: {
      type: 'object',
      required: ['idempotency-key'],
      properties: { 'idempotency-key': { type: 'string', minLength: 1, maxLength: 200 } },
    },
    body: ORDER,
    response: { 202: { type: 'object', properties: { id: { type: 'string' }, status: { type: 'string' } } } },
  },
};

async function door() {
  const queue = new Queue(QUEUE, { connection: connect(options.redis) });
  await queue.waitUntilReady();
  const app = Fastify();
  app.post('/orders', ROUTE, async (request, reply) => {
    const job = await queue.add('order', request.body, { ...JOB, jobId: request.headers['idempotency-key'] });
    reply.code(202).header('location', `/orders/${job.id}`);
    return { id: job.id, status: 'queued' };
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
}

async function worker() {
  const store = new Redis(options.store);
  const work = async ({ id, data }) => {
    await store.set(recordKey(id), decide(id, data));
  };
  const worker = new Worker(QUEUE, work, { connection: connect(options.redis), concurrency: CONCURRENCY });
  // Without a listener an error would end the process.
  worker.on('error', (error) => console.error(error));
}

const parts = [
  ...Array(Number(options.doors)).fill('door'),
  ...Array(Number(options.workers)).fill('worker'),
];
const port = await inProcesses(parts, { door, worker });
if (port) {
  console.log(`BullMQ runs at http://127.0.0.1:${port}`);
}
