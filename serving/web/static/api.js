/** The public API, as a page speaks it: events in order and at least once, shelves as fresh as the last of them. */

const BATCH = 100;
const KEPT = 300;
const WAIT_MS = { first: 1000, most: 30_000 };
const TIMEOUT_MS = 5000;

/** An answer that can't be used; `status` is 0 when there was none. */
export class Away extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export class Api {
  #key;
  #outbox = [];
  #turn = Promise.resolve(null);
  #last = null;
  #wait = WAIT_MS.first;
  #timer = null;

  constructor(key) {
    this.#key = key;
  }

  /**
   * Send events after all that were sent before. The answer is `{verdicts, freshToken, at}`, or null when the shop couldn't be
   * reached: the events then wait here and go with the next ones, under the same ids.
   */
  send(events) {
    if (events.length === 0) return Promise.resolve(null);
    this.#outbox = [...this.#outbox, ...events].slice(-KEPT);
    this.#turn = this.#turn.then(() => this.#flush());
    return this.#turn;
  }

  async #flush() {
    if (this.#outbox.length === 0) return this.#last;
    clearTimeout(this.#timer);
    const batch = this.#outbox.slice(0, BATCH);
    try {
      const sentAt = Date.now();
      const { verdicts } = await this.#post("/v1/events", { events: batch.map((e) => ({ ...e, sent_at: sentAt })) });
      this.#drop(batch);
      this.#wait = WAIT_MS.first;
      const freshToken = verdicts.findLast((verdict) => verdict.fresh_token)?.fresh_token ?? null;
      this.#last = { verdicts, freshToken, at: performance.now() };
      return this.#outbox.length ? this.#flush() : this.#last;
    } catch (error) {
      this.#later(batch, error);
      return null;
    }
  }

  /** Keep what may still be taken; a request that was refused for what it says would be refused again. */
  #later(batch, error) {
    this.#last = null;
    if (error.status >= 400 && error.status < 500 && error.status !== 429) {
      this.#drop(batch);
      console.warn(`liveshelf: ${batch.length} events were refused: ${error.message}`);
      return;
    }
    this.#timer = setTimeout(() => (this.#turn = this.#turn.then(() => this.#flush())), this.#wait);
    this.#wait = Math.min(this.#wait * 2, WAIT_MS.most);
  }

  #drop(batch) {
    const gone = new Set(batch.map((event) => event.event_id));
    this.#outbox = this.#outbox.filter((event) => !gone.has(event.event_id));
  }

  /** Forget what was not sent yet. */
  forget() {
    this.#outbox = [];
  }

  /** A shelf; `wanted` is the body of `POST /v1/recommendations/{placement}`, `signal` gives it up. */
  shelf(placement, wanted, signal) {
    return this.#post(`/v1/recommendations/${encodeURIComponent(placement)}`, wanted, signal);
  }

  /** What answers a query; `wanted` are the parameters of `GET /v1/search`. */
  search(wanted, signal) {
    return this.#get("/v1/search", wanted, signal);
  }

  /** What may be about to be typed. */
  suggest(q, n, signal) {
    return this.#get("/v1/suggest", { q, n }, signal);
  }

  #get(path, parameters, signal) {
    return this.#call(`${path}?${new URLSearchParams(parameters)}`, {}, signal);
  }

  #post(path, body, signal) {
    const headers = { "Content-Type": "application/json" };
    return this.#call(path, { method: "POST", headers, body: JSON.stringify(body), keepalive: path === "/v1/events" }, signal);
  }

  async #call(path, { headers, ...request }, signal) {
    const limits = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
    let answer;
    try {
      const signed = { ...headers, Authorization: `Bearer ${this.#key}` };
      answer = await fetch(path, { ...request, headers: signed, signal: AbortSignal.any(limits) });
      if (answer.ok) return await answer.json();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Away(0, "no answer");
    }
    const problem = await answer.json().catch(() => ({}));
    throw new Away(answer.status, problem.detail ?? problem.title ?? `status ${answer.status}`);
  }
}

/** Something of this page's own, as JSON. */
export async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Away(answer.status, `${path} answered ${answer.status}`);
  return answer.json();
}
