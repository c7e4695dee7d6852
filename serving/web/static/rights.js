/** A visitor's own routes, as a page speaks them: with the publishable key and the visitor's token. */

import { Away } from "./api.js";

const TIMEOUT_MS = 20_000;

export class Rights {
  #key;
  #id;
  #tokens;
  #token = null;

  /** `tokens`: whether this origin gives visitor tokens (the demo does; elsewhere the shop's own server). */
  constructor(key, id, tokens) {
    this.#key = key;
    this.#id = id;
    this.#tokens = tokens;
  }

  /** Consents that changed, `{personalization: false}`; the answer is what is known then. */
  async consent(words) {
    return (await this.#ask("PUT", "/consent", { body: words, own: this.#tokens })).consent;
  }

  /** Everything that is held, as text: the very bytes are what somebody downloads. */
  async exported() {
    return (await this.#answer("GET", "/export", { own: true })).text();
  }

  reset() {
    return this.#ask("POST", "/reset", { own: true });
  }

  erase() {
    return this.#ask("DELETE", "", { own: true });
  }

  /** Whether an erasure is over; `at` is what `erase` answered. */
  erasure(at) {
    return this.#fetch("GET", at, {}).then((answer) => answer.json());
  }

  async #ask(...args) {
    return (await this.#answer(...args)).json();
  }

  async #answer(method, path, { body, own }) {
    const headers = own ? { "Liveshelf-Visitor-Token": await this.#visitorToken() } : {};
    return this.#fetch(method, `/v1/visitors/${encodeURIComponent(this.#id)}${path}`, { body, headers });
  }

  async #visitorToken() {
    if (!this.#tokens) throw new Away(403, "the shop's server gives this page no visitor token");
    this.#token ??= this.#fetch("POST", "/demo/visitor-token", { body: { visitor_id: this.#id } })
      .then((answer) => answer.json())
      .then((made) => made.visitor_token);
    return this.#token.catch((error) => {
      this.#token = null;
      throw error;
    });
  }

  async #fetch(method, path, { body, headers = {} }) {
    const answer = await fetch(path, {
      method,
      headers: { ...headers, Authorization: `Bearer ${this.#key}`, ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => {
      throw new Away(0, "no answer");
    });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new Away(answer.status, problem.detail ?? `status ${answer.status}`);
  }
}
