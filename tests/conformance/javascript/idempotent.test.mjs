// Idempotent producers: the official client numbers its events, and the hub stores none twice. The
// buffered producer has a setting for it; for single batches there is the switch that it sets on
// the producer inside, which the SDK does not show.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  EventHubBufferedProducerClient,
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
} from "@azure/event-hubs";

import { Broker } from "./broker.mjs";
import { LossyWay } from "./lossy-way.mjs";

const RETRY = { retryOptions: { maxRetries: 5, retryDelayInMs: 100, timeoutInMs: 5_000 } };
const TIMEOUT_MS = 30_000;

let broker;
before(async () => {
  broker = await Broker.start();
});
after(async () => {
  assert.equal(await broker.stop(), 0);
});

/** A producer that may number its events; `way` leads to the broker. */
function producing(hub, { idempotent = true, way = broker, partitionOptions } = {}) {
  const connection = broker.connectionString().replace(`${broker.port}`, `${way.port}`);
  const producer = new EventHubProducerClient(connection, hub, RETRY);
  producer._enableIdempotentRetries = idempotent;
  producer._partitionOptions = partitionOptions;
  return producer;
}

async function send(producer, bodies) {
  const batch = await producer.createBatch({ partitionId: "0" });
  bodies.forEach((body) => assert.ok(batch.tryAdd({ body })));
  await producer.sendBatch(batch);
  return batch;
}

/** The bodies of a partition's events, all that are there. */
async function received(hub, partition = "0") {
  const client = new EventHubConsumerClient("$Default", broker.connectionString(), hub);
  const { lastEnqueuedSequenceNumber } = await client.getPartitionProperties(partition);
  const events = [];
  let subscription;
  const arrived = new Promise((resolve, reject) => {
    const handlers = {
      processEvents: async (some) => {
        events.push(...some);
        if (events.length > lastEnqueuedSequenceNumber) resolve();
      },
      processError: async (error) => reject(error),
    };
    const options = { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 };
    subscription = client.subscribe(partition, handlers, options);
    setTimeout(() => reject(new Error("too late")), TIMEOUT_MS).unref();
  });
  try {
    await arrived;
  } finally {
    await subscription.close();
    await client.close();
  }
  return events.map((event) => event.body);
}

/** Sends a batch, and another one whose answer is lost; what is there then. */
async function afterLostAnswer(hub, idempotent) {
  const way = await LossyWay.to(broker.port);
  const producer = producing(hub, { idempotent, way });
  await send(producer, ["a"]);
  way.loseAnswers();
  await send(producer, ["b", "c"]);
  await send(producer, ["d"]);
  assert.equal(way.lost, 1);
  await producer.close();
  way.close();
  return (await received(hub)).join("");
}

test("what is sent again after a lost answer is there once, and twice without numbers", async () => {
  assert.equal(await afterLostAnswer("eh-numbered", true), "abcd");
  assert.equal(await afterLostAnswer("eh-plain", false), "abcbcd");
});

test("a batch knows its numbers, and the producer where it stands", async () => {
  const producer = producing("eh-numbers");
  const first = await send(producer, ["a", "b"]);
  const second = await send(producer, ["c"]);
  assert.equal(first.startingPublishedSequenceNumber, 1);
  assert.equal(second.startingPublishedSequenceNumber, 3);
  const properties = await producer.getPartitionPublishingProperties("0");
  assert.equal(properties.lastPublishedSequenceNumber, 3);
  assert.equal(properties.ownerLevel, 0);
  assert.ok(Number.isSafeInteger(properties.producerGroupId), `${properties.producerGroupId}`);
  await producer.close();
});

test("another client goes on with a producer, and a wrong start is refused", async () => {
  const hub = "eh-resumed";
  const producer = producing(hub);
  await send(producer, ["a", "b"]);
  const { producerGroupId, ownerLevel } = await producer.getPartitionPublishingProperties("0");
  await producer.close();

  const at = (startingSequenceNumber) => ({
    partitionOptions: { 0: { producerGroupId, ownerLevel, startingSequenceNumber } },
  });
  const resumed = producing(hub, at(2));
  await send(resumed, ["c"]);
  await resumed.close();
  // 2 is there, 3 and 4 are not.
  const wrong = producing(hub, at(1));
  await assert.rejects(send(wrong, ["x", "y", "z"]), { code: "SequenceOutOfOrderError" });
  await wrong.close();
  assert.deepEqual(await received(hub), ["a", "b", "c"]);
});

test("a higher owner level takes over", async () => {
  const hub = "eh-levels";
  const first = producing(hub);
  await send(first, ["a"]);
  const { producerGroupId } = await first.getPartitionPublishingProperties("0");
  const second = producing(hub, { partitionOptions: { 0: { producerGroupId, ownerLevel: 9 } } });
  await send(second, ["b"]);
  await assert.rejects(send(first, ["x"]), { code: "ProducerDisconnectedError" });
  await first.close();
  await second.close();
  assert.deepEqual(await received(hub), ["a", "b"]);
});

test("the buffered producer sends all its events once", async () => {
  const hub = "eh-buffered";
  const failures = [];
  const producer = new EventHubBufferedProducerClient(broker.connectionString(), hub, {
    ...RETRY,
    enableIdempotentRetries: true,
    maxWaitTimeInMs: 50,
    onSendEventsErrorHandler: ({ error }) => failures.push(error),
  });
  const numbers = Array.from({ length: 500 }, (_, number) => number);
  for (const number of numbers) {
    await producer.enqueueEvent({ body: number }, { partitionId: String(number % 2) });
  }
  await producer.close();
  assert.deepEqual(failures, []);
  for (const partition of [0, 1]) {
    const sent = numbers.filter((number) => number % 2 === partition);
    assert.deepEqual(await received(hub, String(partition)), sent);
  }
});
