// Walks through the shop in Chromium and watches the profile panel: realized, existing, four
// identities. Expects a running `segue demo` (or `segue serve` with the shop's definitions).
//
//   SHOP_URL=http://127.0.0.1:8080 CHROMIUM=/usr/bin/chromium node tests/browser/shop.mjs

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const SHOP = new URL("/shop/", process.env.SHOP_URL ?? "http://127.0.0.1:8080");
const SCREENSHOT = fileURLToPath(new URL("../../target/shop.png", import.meta.url));
const STEP_TIMEOUT_MS = 15_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

try {
  await visit(await browser.newPage({ viewport: { width: 1280, height: 860 } }));
} finally {
  await browser.close();
}

async function visit(page) {
  page.setDefaultTimeout(STEP_TIMEOUT_MS);
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  page.on("console", (message) => message.type() === "error" && failures.push(message.text()));

  await step("home page", async () => {
    await page.goto(SHOP.href);
    await status(page, "homepage-visitors", "realized");
    await page.getByTestId("last-activation").getByText("Nothing was sent yet.").waitFor();
  });
  await step("sports page, first visit: realized", async () => {
    await page.getByTestId("nav-sports").click();
    await status(page, "sports-fan", "realized");
    await activation(page, "sports-fan: none → realized");
  });
  await step("sports page, second visit: existing", async () => {
    await page.getByTestId("nav-sports").click();
    await status(page, "sports-fan", "existing");
    await activation(page, "sports-fan: realized → existing");
  });
  await step("login: four identities", async () => {
    await page.getByTestId("nav-login").click();
    // Somebody new each time: a known email would join the profiles of two runs.
    await page.getByTestId("login-email").fill(`Ada-${Date.now()}@Example.com`);
    await page.getByTestId("login-phone").fill(`+44 ${Date.now()}`);
    await page.getByTestId("login-submit").click();
    await page.getByTestId("identity").nth(3).waitFor();
    assert.deepEqual(await namespaces(page), ["ecid", "email", "email_lc_sha256", "phone"]);
  });

  mkdirSync(dirname(SCREENSHOT), { recursive: true });
  await page.screenshot({ path: SCREENSHOT, fullPage: true });
  assert.deepEqual(failures, [], "the browser's console shows no error");
  console.log(`screenshot: ${SCREENSHOT}`);
}

async function step(name, run) {
  await run();
  console.log(`ok: ${name}`);
}

function status(page, audience, expected) {
  const selector = `[data-testid="audience-${audience}"][data-status="${expected}"]`;
  return page.locator(selector).waitFor();
}

function activation(page, change) {
  return page.getByTestId("last-activation").getByText(change).waitFor();
}

async function namespaces(page) {
  const shown = await page.getByTestId("identity").all();
  return Promise.all(shown.map((item) => item.getAttribute("data-namespace")));
}
