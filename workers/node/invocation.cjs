'use strict';
// One invocation: arguments, pre hooks, the handler, post hooks, response. Hooks may replace the
// inputs, the handler, the result and the error; that is their purpose.

const { SystemError } = require('./core.cjs');
const { current } = require('./output.cjs');
const { fromWire, toWire } = require('./wire.cjs');

/** Runs an `invoke` message; answers {outputData, returnValue} or throws what the handler threw. */
function invoke(registry, message) {
  const registered = registry.functions.get(message.functionId);
  if (!registered) throw new SystemError(`Function "${message.functionId}" is not loaded`);
  const running = { invocationId: message.invocationId, context: undefined, hookData: {} };
  return current.run(running, () => run(registry, registered, running, message));
}

async function run(registry, registered, running, message) {
  const { invocationId } = running;
  const coreContext = {
    invocationId,
    request: readRequest(message),
    metadata: registered.metadata,
    state: undefined,
    log: (level, category, text) => registry.log(invocationId, level, category, text),
  };
  const model = await registered.model().getInvocationModel(coreContext);
  const { context, inputs } = await model.getArguments();
  running.context = context;

  const { hookData } = running;
  const shared = { hookData, appHookData: registry.appHookData, invocationContext: context };
  const before = { ...shared, inputs, functionCallback: registered.callback };
  coreContext.state = 'preInvocationHooks';
  await registry.runHooks('preInvocation', before);

  const after = { ...shared, inputs: before.inputs, result: null, error: null };
  coreContext.state = 'invocation';
  try {
    after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error ?? new Error(`the handler threw ${error}`);
  }
  coreContext.state = 'postInvocationHooks';
  await registry.runHooks('postInvocation', after);
  coreContext.state = undefined;

  if (after.error != null) throw after.error;
  return writeResponse(await model.getResponse(context, after.result));
}

function readRequest(message) {
  const metadata = Object.entries(message.triggerMetadata ?? {});
  return {
    ...message,
    inputData: message.inputData.map(({ name, data }) => ({ name, data: fromWire(data) })),
    triggerMetadata: Object.fromEntries(metadata.map(([key, data]) => [key, fromWire(data)])),
  };
}

function writeResponse(response) {
  const outputData = response.outputData ?? [];
  return {
    outputData: outputData.map(({ name, data }) => ({ name, data: toWire(data) })),
    returnValue: toWire(response.returnValue),
  };
}

module.exports = { invoke };
