// One page of the shop: sends the page view, handles login, and shows the profile panel.

import * as visitor from "./visitor.js";
import { Panel } from "./panel.js";

const panel = new Panel(document.getElementById("profile-panel"), {
  onLogOut() {
    visitor.logOut();
    location.reload();
  },
  onNewVisitor() {
    visitor.becomeNewVisitor();
    location.href = "./";
  },
});

/** Sends one XDM ExperienceEvent about this page; resolves once the server has it on disk. */
async function send(eventType, detail = {}) {
  const event = {
    _id: crypto.randomUUID(),
    timestamp: new Date().toISOString(),
    eventType,
    identityMap: await visitor.identityMap(),
    web: { webPageDetails: { name: document.body.dataset.page, ...detail } },
  };
  const answer = await fetch("/api/events", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
    keepalive: true, // a click on the next link must not cancel it
  });
  if (!answer.ok) throw new Error(await describe(answer));
}

async function describe(answer) {
  const problem = await answer.json().catch(() => ({}));
  return `The event was not accepted: ${problem.detail ?? `HTTP ${answer.status}`}`;
}

async function report(sending) {
  try {
    await sending;
    await panel.refresh();
  } catch (error) {
    panel.showProblem(error.message);
  }
}

const form = document.getElementById("login-form");
if (form) {
  form.addEventListener("submit", async (submit) => {
    submit.preventDefault();
    visitor.logIn(form.elements.email.value, form.elements.phone.value);
    await report(send("userAccount.login"));
    form.querySelector("[role=status]").textContent = "You are logged in.";
  });
  // Only now: sent without this script, email and phone would end up in the address bar.
  form.querySelector("button").disabled = false;
}

panel.start();
report(send("web.webpagedetails.pageViews", { pageViews: { value: 1 } }));
