const { app } = require('@azure/functions');

// Called with every batch of activations that arrives in the event hub. This is the place for
// your own activation handler: look up the identity that your system knows, and call it.
app.eventHub('log-activations', {
  connection: 'ACTIVATIONS_CONNECTION',
  eventHubName: '%ACTIVATIONS_HUB%',
  cardinality: 'many',
  retry: {
    strategy: 'exponentialBackoff',
    maxRetryCount: 3,
    minimumInterval: { seconds: 1 },
    maximumInterval: { seconds: 30 },
  },
  handler: async (messages, context) => {
    const properties = context.triggerMetadata.propertiesArray;
    messages.forEach((activation, index) => {
      const reason = properties[index]?.['segue-reason'] ?? 'unknown';
      context.log(`activation (${reason}): ${describe(activation)}`);
    });
  },
});

/** "sports-fan realized, homepage-visitors existing; ecid 123, email a@example.com" */
function describe({ segmentMembership, identityMap }) {
  const audiences = Object.values(segmentMembership ?? {}).flatMap((namespace) =>
    Object.entries(namespace).map(([id, { name, status }]) => `${name ?? id} ${status}`),
  );
  const identities = Object.entries(identityMap ?? {}).flatMap(([code, ids]) =>
    ids.map(({ id }) => `${code} ${id}`),
  );
  return `${audiences.join(', ')}; ${identities.join(', ')}`;
}
