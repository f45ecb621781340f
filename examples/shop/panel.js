// The profile panel: identities, audiences and the last activation of this visitor, live.
//
// The profile itself is fetched (GET /api/profiles/ecid/…); the live feed only says when to fetch
// it again, and what was sent. Each page reads the feed from the oldest entry that the server still
// has (after=0), so what happened between two pages is shown on the next one.

import * as visitor from "./visitor.js";

export class Panel {
  #root;
  #profile = null;
  #lastActivations = new Map(); // by profile id
  #refreshing = null;
  #again = false;

  constructor(root, { onLogOut, onNewVisitor }) {
    this.#root = root;
    root.innerHTML = `
      <h2>
        <span id="panel-title">Your profile</span>
        <span class="link" role="status" data-testid="live-state">connecting</span>
      </h2>
      <h3 id="identities-title">Identities</h3>
      <ul aria-labelledby="identities-title" data-testid="identities"></ul>
      <h3 id="audiences-title">Audiences</h3>
      <ul aria-labelledby="audiences-title" aria-live="polite" data-testid="audiences"></ul>
      <h3 id="activation-title">Last activation sent</h3>
      <div aria-live="polite" data-testid="last-activation"></div>
      <p class="problem" role="alert" hidden data-testid="problem"></p>
      <div class="actions">
        <button type="button" data-testid="new-visitor">New visitor</button>
        <button type="button" hidden data-testid="logout">Log out</button>
      </div>`;
    this.#part("new-visitor").addEventListener("click", onNewVisitor);
    this.#part("logout").addEventListener("click", onLogOut);
  }

  start() {
    this.#renderProfile();
    this.#listen();
  }

  /** Fetches the profile; calls during a fetch lead to exactly one more. */
  refresh() {
    this.#again = true;
    this.#refreshing ??= this.#fetchWhileAsked().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  showProblem(text) {
    const problem = this.#part("problem");
    problem.textContent = text;
    problem.hidden = false;
  }

  async #fetchWhileAsked() {
    while (this.#again) {
      this.#again = false;
      const answer = await fetch(`/api/profiles/ecid/${visitor.ecid()}`);
      if (!answer.ok && answer.status !== 404) throw new Error(`No profile: HTTP ${answer.status}`);
      this.#profile = answer.ok ? await answer.json() : null;
      this.#renderProfile();
    }
  }

  #listen() {
    const feed = new EventSource("/api/live?after=0");
    const state = this.#part("live-state");
    const show = (text) => {
      state.dataset.state = text;
      state.textContent = text;
    };
    feed.onopen = () => show("live");
    feed.onerror = () => show("offline");
    const on = (kind, handle) =>
      feed.addEventListener(kind, (message) =>
        handle(JSON.parse(message.data)).catch((error) => this.showProblem(error.message)),
      );
    on("change", (change) => this.#onChange(change));
    on("activation", (activation) => this.#onActivation(activation));
    on("lagged", () => this.refresh());
  }

  // Timers change memberships without an event of ours, so every change of this profile counts.
  // As long as the profile is unknown, nothing is missed: it is fetched after the page view.
  async #onChange(change) {
    if (change.profile === this.#profile?.profileId) await this.refresh();
  }

  async #onActivation(activation) {
    this.#lastActivations.set(activation.profile, activation);
    this.#renderActivation();
  }

  #renderProfile() {
    const identityMap = this.#profile?.identityMap ?? { ecid: [{ id: visitor.ecid() }] };
    this.#part("identities").replaceChildren(
      ...Object.entries(identityMap).flatMap(([namespace, ids]) =>
        ids.map(({ id }) => identityItem(namespace, id)),
      ),
    );
    const memberships = Object.entries(this.#profile?.memberships ?? {});
    const items = memberships.map(([audience, membership]) => membershipItem(audience, membership));
    this.#part("audiences").replaceChildren(
      ...(items.length ? items : [element("li", { class: "empty" }, "Not in any audience yet.")]),
    );
    this.#part("logout").hidden = visitor.login() === null;
    this.#renderActivation();
  }

  #renderActivation() {
    const activation = this.#lastActivations.get(this.#profile?.profileId);
    const place = this.#part("last-activation");
    if (!activation) {
      place.replaceChildren(element("p", { class: "empty" }, "Nothing was sent yet."));
      return;
    }
    const changes = activation.changes.map(({ audience, from, to }) =>
      element("p", { class: "fresh" }, `${audience}: ${from ?? "none"} → ${to}`),
    );
    const reasons = `Reason: ${activation.reasons.join(", ")}`;
    place.replaceChildren(
      ...changes,
      element("p", { "data-testid": "last-activation-reason" }, reasons),
      element("p", {}, `To ${activation.destination}, `, time(activation.at)),
    );
  }

  #part(testid) {
    return this.#root.querySelector(`[data-testid="${testid}"]`);
  }
}

function identityItem(namespace, id) {
  return element(
    "li",
    { class: "identity", "data-testid": "identity", "data-namespace": namespace },
    element("span", { class: "namespace" }, namespace),
    element("code", {}, id),
  );
}

function membershipItem(audience, { name, status, lastQualificationTime }) {
  return element(
    "li",
    { class: "membership", "data-testid": `audience-${audience}`, "data-status": status },
    element("span", {}, name ?? audience),
    element("span", { class: "status", "data-status": status }, status),
    time(lastQualificationTime),
  );
}

function time(moment) {
  return element("time", { datetime: moment }, new Date(moment).toLocaleTimeString());
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
