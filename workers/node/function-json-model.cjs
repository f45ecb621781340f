'use strict';
// The v3 programming model (function.json): the handler gets (context, ...inputs) and answers by
// its promise or by context.done. '@azure/functions' brings the v4 model itself; this one has the
// same three steps, so that one invocation path serves both.

const util = require('util');

class FunctionJsonModel {
  static getInvocationModel(coreContext) {
    return new FunctionJsonModel(coreContext);
  }

  constructor({ request, metadata, log }) {
    this.request = request;
    this.metadata = metadata;
    this.log = log;
    this.done = new Promise((resolve, reject) => {
      this.finish = (error, result) => (error != null ? reject(error) : resolve(result));
    });
    this.done.catch(() => {}); // whoever awaits it sees the error; nobody may
  }

  getArguments() {
    const context = this.createContext();
    const inputs = this.request.inputData.map(({ name, data }) => {
      context.bindings[name] = fromTyped(data);
      return context.bindings[name];
    });
    return { context, inputs };
  }

  createContext() {
    const { request, metadata } = this;
    const { invocationId, traceContext } = request;
    const at = (level) => (...parts) => this.log(level, 'user', util.format(...parts));
    const metadataEntries = Object.entries(request.triggerMetadata ?? {});
    return {
      invocationId,
      executionContext: {
        invocationId,
        functionName: metadata.name,
        functionDirectory: metadata.directory,
        retryContext: request.retryContext ?? null,
      },
      bindings: {},
      bindingData: {
        invocationId,
        ...camelKeys(
          Object.fromEntries(metadataEntries.map(([key, data]) => [key, fromTyped(data)])),
        ),
      },
      traceContext: {
        traceparent: traceContext?.traceParent,
        tracestate: traceContext?.traceState,
        attributes: traceContext?.attributes,
      },
      bindingDefinitions: Object.entries(metadata.bindings).map(([name, binding]) => ({
        name,
        type: binding.type,
        direction: binding.direction,
      })),
      log: Object.assign(at('information'), {
        error: at('error'),
        warn: at('warning'),
        info: at('information'),
        verbose: at('trace'),
      }),
      done: this.finish,
    };
  }

  invokeFunction(context, inputs, handler) {
    const returned = handler(context, ...inputs);
    return typeof returned?.then === 'function' ? Promise.race([returned, this.done]) : this.done;
  }

  /** Outputs: `$return`, else the result's key of that name, else context.bindings. */
  getResponse(context, result) {
    const isOutput = ([, binding]) => String(binding.direction).toLowerCase() !== 'in';
    const outputs = Object.entries(this.metadata.bindings).filter(isOutput).map(([name]) => name);
    const outputData = [];
    for (const name of outputs.filter((output) => output !== '$return')) {
      const value = result?.[name] ?? context.bindings[name];
      if (value !== undefined) outputData.push({ name, data: toTyped(value) });
    }
    return { outputData, returnValue: toTyped(result) };
  }
}

/** Unlike in v4, the strings of a collection stay strings. */
function fromTyped(data) {
  if (data == null) return undefined;
  if (data.string != null) return parsedOrText(data.string);
  if (data.json != null) return JSON.parse(data.json);
  return (
    data.bytes ??
    data.collectionString?.string ??
    data.collectionBytes?.bytes ??
    data.collectionSint64?.sint64 ??
    data.int ??
    data.double
  );
}

function toTyped(value) {
  if (value == null) return null;
  if (typeof value === 'string') return { string: value };
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return { bytes: value };
  if (Number.isInteger(value)) return { int: value };
  if (typeof value === 'number') return { double: value };
  return { json: JSON.stringify(value) };
}

function parsedOrText(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** PascalCase to camelCase in nested objects; objects inside arrays keep theirs (as v3 does). */
function camelKeys(object) {
  const isPlain = (value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value) && !Buffer.isBuffer(value);
  const entries = Object.entries(object).map(([key, value]) => [
    key.charAt(0).toLowerCase() + key.slice(1),
    isPlain(value) ? camelKeys(value) : value,
  ]);
  return Object.fromEntries(entries);
}

module.exports = { FunctionJsonModel };
