'use strict';
// The module '@azure/functions-core': not on npm, the worker provides it. The package
// '@azure/functions' that users install requires it by name and registers everything here.

const Module = require('module');
const { current } = require('./output.cjs');

const WORKER_VERSION = '3.99.0';
const HOOK_NAMES = ['preInvocation', 'postInvocation', 'appStart', 'appTerminate', 'log'];

/** An error of the worker, not of the user's code. The mark is what '@azure/functions' reads. */
class SystemError extends Error {
  isAzureFunctionsSystemError = true;
}

class Disposable {
  #dispose;
  constructor(dispose) {
    this.#dispose = dispose;
  }
  dispose() {
    const dispose = this.#dispose;
    this.#dispose = undefined;
    return dispose?.();
  }
  static from(...items) {
    return new Disposable(() => items.forEach((item) => item?.dispose?.()));
  }
}

/** What the app has registered: functions by id, hooks by name, the programming model. */
class Registry {
  functions = new Map();
  hooks = Object.fromEntries(HOOK_NAMES.map((name) => [name, []]));
  appHookData = {};
  appStartHookData = {};
  model = null;
  hostVersion = '4.0.0';
  /** The file being loaded, so that a function knows where it comes from. */
  loadingFile = undefined;
  locked = false;

  constructor(sendLog) {
    this.sendLog = sendLog;
  }

  async runHooks(name, hookContext) {
    for (const hook of this.hooks[name]) await hook(hookContext);
  }

  runAppHooks(name, directory) {
    const { appHookData, appStartHookData: hookData } = this;
    return this.runHooks(name, { hookData, appHookData, functionAppDirectory: directory });
  }

  /** A log line of context.log or of the library; `log` hooks may rewrite level and message. */
  log(invocationId, level, category, message) {
    const running = current.getStore();
    const hookContext = {
      level,
      category,
      message,
      invocationContext: running?.context,
      hookData: running?.hookData ?? this.appStartHookData,
      appHookData: this.appHookData,
    };
    if (category === 'user') {
      for (const hook of this.hooks.log) hook(hookContext);
    }
    this.sendLog({
      invocationId: invocationId ?? running?.invocationId,
      level: hookContext.level,
      category: hookContext.category,
      message: String(hookContext.message),
    });
  }

  registerFunction(metadata, callback) {
    if (this.locked) {
      throw new SystemError('A function can only be registered while the app starts.');
    }
    const functionId = metadata.functionId ?? metadata.name;
    if (this.functions.has(functionId)) {
      throw new SystemError(`A function with id "${functionId}" has already been registered.`);
    }
    const bindings = Object.entries(metadata.bindings);
    const rawBindings = bindings.map(([name, binding]) => JSON.stringify({ ...binding, name }));
    this.functions.set(functionId, {
      metadata: { scriptFile: this.loadingFile, ...metadata, functionId, rawBindings },
      callback,
      model: () => this.model,
    });
    return new Disposable(() => this.functions.delete(functionId));
  }

  registerHook(name, callback) {
    const hooks = this.hooks[name];
    if (!hooks) {
      const error = new RangeError(`Unrecognized hook "${name}"`);
      error.isAzureFunctionsSystemError = true;
      throw error;
    }
    hooks.push(callback);
    return new Disposable(() => {
      const index = hooks.indexOf(callback);
      if (index >= 0) hooks.splice(index, 1);
    });
  }
}

/** Makes `require('@azure/functions-core')` find `registry`, for CommonJS and for ES modules
 *  alike: those import the CommonJS package '@azure/functions', which requires it. */
function provideCore(registry) {
  const core = {
    version: WORKER_VERSION,
    get hostVersion() {
      return registry.hostVersion;
    },
    Disposable,
    setProgrammingModel: (model) => (registry.model = model),
    getProgrammingModel: () => registry.model,
    log: (level, category, message) => registry.log(undefined, level, category, message),
    registerHook: (name, callback) => registry.registerHook(name, callback),
    registerFunction: (metadata, callback) => registry.registerFunction(metadata, callback),
  };
  const load = Module._load;
  Module._load = function (request, ...rest) {
    return request === '@azure/functions-core' ? core : load.call(this, request, ...rest);
  };
}

module.exports = { Registry, SystemError, provideCore };
