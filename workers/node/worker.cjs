'use strict';
// Segue's Node worker: runs an Azure Functions app on behalf of the host that started it.
// No dependencies, Node 20 or newer. The host gives a loopback port and a one-time token in the
// environment; stdin, stdout and stderr stay what they are to the user's code.
//
//   wire.cjs   frames and typed data       app.cjs                  loading an app
//   core.cjs   '@azure/functions-core'     function-json-model.cjs  the v3 model
//   output.cjs logs by invocation          invocation.cjs           one invocation

const inspector = require('inspector');
const { Worker } = require('worker_threads');
const { connect, describeError } = require('./wire.cjs');
const { current, redirectConsole } = require('./output.cjs');
const { Registry, provideCore } = require('./core.cjs');
const { loadApp } = require('./app.cjs');
const { invoke } = require('./invocation.cjs');

const { SEGUE_WORKER_PORT: port, SEGUE_WORKER_TOKEN: token } = process.env;
delete process.env.SEGUE_WORKER_PORT;
delete process.env.SEGUE_WORKER_TOKEN;

// This process must not outlive its host. The socket tells when the host is gone, but not while
// user code keeps this thread busy: a second thread looks whether the parent is still the same.
// It gets neither flags nor environment, so that what an app preloads is not loaded there, too.
const watchParent = `setInterval(() => {
  if (process.ppid !== ${process.ppid}) process.kill(process.pid, 'SIGKILL');
}, 1000);`;
new Worker(watchParent, { eval: true, execArgv: [], env: {} }).unref();

const handlers = {
  async init({ dir, hostVersion, waitForDebugger }) {
    // Breakpoints set by whoever attaches now are there before any user code is loaded.
    if (waitForDebugger) inspector.waitForDebugger();
    registry.hostVersion = hostVersion;
    redirectConsole(sendLog);
    return loadApp(registry, dir);
  },
  async invoke(message) {
    return invoke(registry, message);
  },
  async terminate() {
    await registry.runAppHooks('appTerminate', process.cwd());
    return {};
  },
};

async function dispatch(message) {
  try {
    host.send({ t: 'result', id: message.id, value: await handlers[message.t](message) });
  } catch (error) {
    host.send({ t: 'error', id: message.id, error: describeError(error) });
  }
}

const host = connect(Number(port), dispatch);
const sendLog = (line) => host.send({ t: 'log', ...line });
const registry = new Registry(sendLog);
provideCore(registry);

// An error outside every promise leaves the process in an unknown state, as in Azure: say which
// invocation it belongs to and exit. The host starts a new worker.
process.on('uncaughtException', (thrown) => {
  const error = describeError(thrown);
  const invocationId = current.getStore()?.invocationId;
  host.sendLast({ t: 'crash', invocationId, error }, () => process.exit(1));
});

host.send({
  t: 'hello',
  token,
  pid: process.pid,
  node: process.versions.node,
  inspector: inspector.url() ?? null,
});
