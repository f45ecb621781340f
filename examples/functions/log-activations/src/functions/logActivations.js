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
      // Why it was sent: membership, attribute, identity or backfill.
      const reason = properties[index]['segue-reason'] ?? 'unknown';
      context.log(`activation (${reason}): ${JSON.stringify(activation)}`);
    });
  },
});
