// The official Event Hubs client for JavaScript, unmodified, against the hub; and rhea, a plain
// AMQP 1.0 client, for what the official one never does.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { after, before, test } from "node:test";

import {
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
  latestEventPosition,
} from "@azure/event-hubs";
import rhea from "rhea";

import { Broker } from "./broker.mjs";

const NO_RETRY = { retryOptions: { maxRetries: 0 } };
const TIMEOUT_MS = 30_000;

let broker;
before(async () => {
  broker = await Broker.start();
});
after(async () => {
  assert.equal(await broker.stop(), 0, "the broker must end cleanly on SIGTERM");
});

/** One event hub, as the SDK sees it. The broker creates it at first use. */
class Hub {
  constructor(name = `eh-${randomUUID()}`, on = broker) {
    this.name = name;
    this.broker = on;
  }

  async producing(use, rule) {
    const connection = this.broker.connectionString(rule);
    const producer = new EventHubProducerClient(connection, this.name, NO_RETRY);
    try {
      return await use(producer);
    } finally {
      await producer.close();
    }
  }

  send(events, options) {
    return this.producing((producer) => producer.sendBatch(events, options));
  }

  /** What arrives from a partition, events and errors, while `use` runs. */
  async receiving(partition, options, use, rule, group = "$Default") {
    const connection = this.broker.connectionString(rule);
    const consumer = new EventHubConsumerClient(group, connection, this.name, NO_RETRY);
    const arrivals = new Arrivals();
    const handlers = {
      processEvents: async (events, context) => {
        events.forEach((event) => arrivals.add({ event, context }));
      },
      processError: async (error) => arrivals.add({ error }),
    };
    const settings = { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1, ...options };
    const subscription = consumer.subscribe(partition, handlers, settings);
    try {
      return await use(arrivals);
    } finally {
      await subscription.close();
      await consumer.close();
    }
  }

  receive(count, partition = "0", options = {}) {
    return this.receiving(partition, options, (arrivals) => arrivals.events(count));
  }
}

class Arrivals extends EventEmitter {
  #waiting = [];

  add(arrival) {
    this.#waiting.push(arrival);
    this.emit("arrival");
  }

  get isEmpty() {
    return this.#waiting.length === 0;
  }

  async next() {
    if (this.isEmpty) {
      await once(this, "arrival", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    }
    return this.#waiting.shift();
  }

  async events(count) {
    const events = [];
    while (events.length < count) {
      const { event, error } = await this.next();
      if (error) throw error;
      events.push(event);
    }
    return events;
  }

  async error() {
    for (;;) {
      const { error } = await this.next();
      if (error) return error;
    }
  }
}

const bodies = (events) => events.map((event) => event.body);
const numbered = (count) => Array.from({ length: count }, (_, number) => ({ body: number }));

test("a batch with a partition key keeps content, order and partition", async () => {
  const hub = new Hub();
  await hub.producing(async (producer) => {
    const batch = await producer.createBatch({ partitionKey: "pk1" }); // 13741 % 2 = 1
    assert.ok(batch.tryAdd({ body: { a: 1 }, properties: { x: "y" }, contentType: "a/b" }));
    assert.ok(batch.tryAdd({ body: "two", messageId: "m", correlationId: "c" }));
    assert.equal(batch.maxSizeInBytes, 1 << 20);
    await producer.sendBatch(batch);
  });
  const [first, second] = await hub.receive(2, "1");
  assert.deepEqual(first.body, { a: 1 });
  assert.deepEqual(first.properties, { x: "y" });
  assert.equal(first.contentType, "a/b");
  assert.deepEqual([second.body, second.messageId, second.correlationId], ["two", "m", "c"]);
  assert.deepEqual([first.partitionKey, second.partitionKey], ["pk1", "pk1"]);
  assert.deepEqual([first.sequenceNumber, second.sequenceNumber], [0, 1]);
  assert.equal(first.offset, "0");
  assert.ok(Math.abs(Date.now() - first.enqueuedTimeUtc.getTime()) < 60_000);
});

test("single events go to the partition that is asked for", async () => {
  const hub = new Hub();
  await hub.send([{ body: "single" }], { partitionId: "1" });
  assert.deepEqual(bodies(await hub.receive(1, "1")), ["single"]);
});

test("large events span frames", async () => {
  const hub = new Hub();
  const body = Buffer.alloc(1_000_000, "0123456789");
  await hub.send([{ body }], { partitionId: "0" });
  const [event] = await hub.receive(1);
  assert.ok(body.equals(event.body));
});

test("receivers start where they say", async () => {
  const hub = new Hub();
  await hub.send(numbered(5), { partitionId: "0" });
  for (const [isInclusive, expected] of [
    [true, [2, 3, 4]],
    [false, [3, 4]],
  ]) {
    for (const position of [{ sequenceNumber: 2 }, { offset: "2" }]) {
      const startPosition = { ...position, isInclusive };
      const events = await hub.receive(expected.length, "0", { startPosition });
      assert.deepEqual(bodies(events), expected);
    }
  }
});

test("receivers start at a time", async () => {
  const hub = new Hub();
  await hub.send([{ body: "before" }], { partitionId: "0" });
  const [{ enqueuedTimeUtc }] = await hub.receive(1);
  while (Date.now() <= enqueuedTimeUtc.getTime());
  await hub.send([{ body: "after" }], { partitionId: "0" });
  const startPosition = { enqueuedOn: enqueuedTimeUtc };
  assert.deepEqual(bodies(await hub.receive(1, "0", { startPosition })), ["after"]);
});

test("the latest position skips what is there", async () => {
  const hub = new Hub();
  await hub.send([{ body: "before" }], { partitionId: "0" });
  await hub.receiving("0", { startPosition: latestEventPosition }, async (arrivals) => {
    while (arrivals.isEmpty) {
      // Nobody says when the receiver is attached.
      await hub.send([{ body: "after" }], { partitionId: "0" });
    }
    assert.deepEqual(bodies(await arrivals.events(1)), ["after"]);
  });
});

test("one client receives from every partition, and is woken", async () => {
  const hub = new Hub();
  const connection = broker.connectionString();
  const consumer = new EventHubConsumerClient("$Default", connection, hub.name, NO_RETRY);
  const arrivals = new Arrivals();
  const subscription = consumer.subscribe(
    {
      processEvents: async (events, { partitionId }) => {
        events.forEach(({ body }) => arrivals.add({ event: { body: `${partitionId}:${body}` } }));
      },
      processError: async (error) => arrivals.add({ error }),
    },
    { startPosition: earliestEventPosition },
  );
  try {
    for (const partitionId of ["0", "1", "0", "1"]) {
      await hub.send([{ body: "x" }], { partitionId });
      assert.deepEqual(bodies(await arrivals.events(1)), [`${partitionId}:x`]);
    }
  } finally {
    await subscription.close();
    await consumer.close();
  }
});

test("the last enqueued event is told with each event", async () => {
  const hub = new Hub();
  await hub.send(numbered(3), { partitionId: "0" });
  const options = { trackLastEnqueuedEventProperties: true, maxBatchSize: 1 };
  await hub.receiving("0", options, async (arrivals) => {
    const { context } = await arrivals.next();
    const last = context.lastEnqueuedEventProperties;
    assert.deepEqual([last.sequenceNumber, last.offset], [2, "2"]);
  });
});

test("hub and partition describe themselves", async () => {
  const hub = new Hub();
  await hub.producing(async (producer) => {
    const properties = await producer.getEventHubProperties();
    assert.deepEqual([properties.name, properties.partitionIds], [hub.name, ["0", "1"]]);
    assert.ok(properties.createdOn.getFullYear() > 2000);
    assert.equal((await producer.getPartitionProperties("0")).isEmpty, true);
    await producer.sendBatch(numbered(2), { partitionId: "0" });
    const filled = await producer.getPartitionProperties("0");
    assert.deepEqual(
      [filled.isEmpty, filled.beginningSequenceNumber, filled.lastEnqueuedSequenceNumber],
      [false, 0, 1],
    );
    assert.equal(filled.lastEnqueuedOffset, "1");
  });
});

test("a higher epoch takes over", async () => {
  const hub = new Hub();
  await hub.send([{ body: "a" }], { partitionId: "0" });
  await hub.receiving("0", { ownerLevel: 1 }, async (first) => {
    await first.events(1);
    await hub.receiving("0", { ownerLevel: 2 }, async (second) => {
      await second.events(1);
      const displaced = await first.error();
      assert.equal(displaced.code, "ReceiverDisconnectedError");
      assert.match(displaced.message, /New receiver .* with higher epoch of '2'/);
    });
  });
});

test("a wrong key is unauthorized", async () => {
  for (const rule of [{ key: "wrong" }, { name: "nobody" }]) {
    const hub = new Hub();
    const send = (producer) => producer.sendBatch([{ body: "x" }]);
    await assert.rejects(hub.producing(send, rule), { code: "UnauthorizedError" });
    const read = (producer) => producer.getEventHubProperties();
    await assert.rejects(hub.producing(read, rule), { code: "UnauthorizedError" });
  }
});

test("a key that may only listen cannot send", async () => {
  const hub = new Hub();
  await hub.send([{ body: "a" }], { partitionId: "0" });
  const rule = { name: "reader", key: "reader-key" };
  await assert.rejects(
    hub.producing((producer) => producer.sendBatch([{ body: "x" }]), rule),
    { code: "UnauthorizedError", message: /'Send' claim/ },
  );
  await hub.receiving("0", {}, (arrivals) => arrivals.events(1), rule);
});

test("what does not exist is not found", async () => {
  await assert.rejects(new Hub("nowhere").send([{ body: "x" }]), {
    code: "MessagingEntityNotFoundError",
  });
  const hub = new Hub();
  await hub.producing(async (producer) => {
    await assert.rejects(producer.getPartitionProperties("2"), /should be between 0 and 1/);
  });
  const error = await hub.receiving("0", {}, (arrivals) => arrivals.error(), {}, "nobody");
  assert.equal(error.code, "MessagingEntityNotFoundError");
});

test("what was acknowledged survives a kill", async () => {
  const broker = await Broker.start();
  const hub = new Hub("eh-durable", broker);
  await hub.send(numbered(2), { partitionId: "0" });
  await broker.kill();
  await broker.restart();
  await hub.send([{ body: 2 }], { partitionId: "0" });
  const events = await hub.receive(3);
  assert.deepEqual(bodies(events), [0, 1, 2]);
  assert.deepEqual(
    events.map((event) => event.sequenceNumber),
    [0, 1, 2],
  );
  assert.equal(await broker.stop(), 0);
});

test("a plain AMQP client signs in with PLAIN and needs no token", async () => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const signIn = (password) =>
    rhea.create_container().connect({
      host: "127.0.0.1",
      port: broker.port,
      username: "RootManageSharedAccessKey",
      password,
      reconnect: false,
    });
  const hub = new Hub();
  const connection = signIn("SAS_KEY_VALUE");
  const sender = connection.open_sender(`${hub.name}/Partitions/0`);
  await once(sender, "sendable", { signal });
  sender.send({ body: rhea.message.data_section(Buffer.from("plain")) });
  await once(sender, "accepted", { signal });
  const receiver = connection.open_receiver(`/${hub.name}/consumergroups/$default/partitions/0`);
  const [{ message }] = await once(receiver, "message", { signal });
  assert.equal(message.body.content.toString(), "plain");
  assert.equal(message.message_annotations["x-opt-offset"], "0");
  connection.close();
  await once(connection, "connection_close", { signal });

  await once(signIn("wrong"), "connection_error", { signal });
});
