// Starts the broker under test, on a free port, with a data directory of its own.
//
// SEGUE_HUB_COMMAND is the command that starts it, `target/debug/segue hub` by default; it must
// take --config FILE, --data DIR and --amqp ADDRESS.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const COMMAND = (process.env.SEGUE_HUB_COMMAND ?? join(ROOT, "target/debug/segue hub")).split(" ");
const START_TIMEOUT_MS = 20_000;

const RULE = "RootManageSharedAccessKey";
const KEY = "SAS_KEY_VALUE";
const SETTINGS = {
  hub: {
    authorization_rules: [
      { name: RULE, key: KEY, rights: ["manage"] },
      { name: "reader", key: "reader-key", rights: ["listen"] },
    ],
    event_hubs: [],
    auto_create: { prefix: "eh-", partitions: 2 },
  },
};

export class Broker {
  static async start() {
    const broker = new Broker();
    broker.directory = await mkdtemp(join(tmpdir(), "segue-conformance-"));
    await writeFile(join(broker.directory, "segue.yaml"), JSON.stringify(SETTINGS));
    broker.port = await freePort();
    await broker.restart();
    return broker;
  }

  async restart() {
    const [program, ...words] = COMMAND;
    const flags = [
      ["--config", join(this.directory, "segue.yaml")],
      ["--data", join(this.directory, "data")],
      ["--amqp", `127.0.0.1:${this.port}`],
    ];
    this.process = spawn(program, [...words, ...flags.flat()], { cwd: ROOT, stdio: "inherit" });
    this.ended = once(this.process, "exit");
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.port))) {
      if (this.process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${COMMAND.join(" ")} did not start: ${this.process.exitCode}`);
      }
      await pause(20);
    }
  }

  /** The broker's power goes off: SIGKILL. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** Asks the broker to end; its exit code. */
  async stop() {
    this.process.kill("SIGTERM");
    const [code] = await this.ended;
    return code;
  }

  /** The official emulator's connection string, to the letter but for the port. */
  connectionString({ name = RULE, key = KEY } = {}) {
    return (
      `Endpoint=sb://localhost:${this.port};SharedAccessKeyName=${name};` +
      `SharedAccessKey=${key};UseDevelopmentEmulator=true;`
    );
  }
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function accepts(port) {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
