// A way to the broker on which answers can be lost: from `loseAnswers()` on, what the client sends
// arrives, and the connection breaks before the answer is back.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Longer than the broker takes to store what came. */
const LATE_MS = 300;

export class LossyWay {
  #losing = false;
  lost = 0;

  static async to(port) {
    const way = new LossyWay();
    way.server = createServer((client) => way.#carry(client, connect(port, "127.0.0.1")));
    way.server.listen(0, "127.0.0.1");
    await once(way.server, "listening");
    way.port = way.server.address().port;
    return way;
  }

  /** The next answer is lost, and its connection with it. */
  loseAnswers() {
    this.#losing = true;
  }

  #carry(client, broker) {
    let silent = false;
    client.on("data", (bytes) => {
      if (this.#losing && !silent) {
        this.#losing = false;
        silent = true;
        this.lost += 1;
        setTimeout(() => client.destroy(), LATE_MS);
      }
      broker.write(bytes);
    });
    broker.on("data", (bytes) => silent || client.write(bytes));
    for (const [end, other] of [
      [client, broker],
      [broker, client],
    ]) {
      end.on("error", () => other.destroy());
      end.on("close", () => other.destroy());
    }
  }

  close() {
    this.server.close();
  }
}
