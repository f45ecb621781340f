'use strict';
// Logs: every line that user code writes, by context.log or by console, becomes a log frame that
// names the invocation it belongs to. The asynchronous context carries that name across awaits,
// timers and callbacks, so that lines of parallel invocations can be told apart.

const { AsyncLocalStorage } = require('async_hooks');

/** The running invocation: {invocationId, context, hookData}. */
const current = new AsyncLocalStorage();

/** Writes to stdout and stderr go to the host as log lines from here on. */
function redirectConsole(sendLog) {
  redirect(process.stdout, 'information', sendLog);
  redirect(process.stderr, 'error', sendLog);
}

function redirect(stream, level, sendLog) {
  stream.write = (chunk, encoding, callback) => {
    const done = typeof encoding === 'function' ? encoding : callback;
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    const message = text.replace(/\r?\n$/, '');
    const invocationId = current.getStore()?.invocationId;
    sendLog({ invocationId, level, category: 'console', message });
    if (done) process.nextTick(done);
    return true;
  };
}

module.exports = { current, redirectConsole };
