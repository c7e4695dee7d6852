/** A search on the page: the box, the results, and what the shop is told of both. */

import { Results } from "./results.js";
import { SearchBox } from "./combobox.js";

const N = 12;

export class Search {
  #turn = 0;
  #pending = null;
  #asked = null;
  #answered = null;

  /**
   * `api`; `wanted()` says who asks ({visitor_id, personalize, …}); `open(item, fact)` on a click; `searched(query, answer)`
   * once a new query has its answer; `say(words)` to who cannot see; `leave()` back to the shop; `seen` counts impressions.
   */
  constructor({ form, root, browse }, { api, wanted, open, searched, say, leave, seen }) {
    Object.assign(this, { browse, api, wanted, searched, say });
    const suggest = (text, n, signal) => api.suggest(text, n, signal);
    const go = ({ query, category }) => this.ask({ query, filter: category ? { category } : {} });
    this.box = new SearchBox(form, { suggest, go });
    this.results = new Results(root, { open, seen, leave, ask: (asked) => this.ask(asked, { visit: false }) });
    this.results.clear();
  }

  /** What is searched for; null where the shop is shown. */
  get query() {
    return this.#asked?.query ?? null;
  }

  /** The address of what is shown. */
  get address() {
    return this.query === null ? "/" : `/?q=${encodeURIComponent(this.query)}`;
  }

  /** Search; `visit` puts it into the address. */
  async ask(asked, { visit = true } = {}) {
    if (asked.query !== this.query) this.box.text = asked.query;
    this.#asked = { ...asked, after: null };
    if (visit && location.pathname + location.search !== this.address) history.pushState(null, "", this.address);
    const turn = ++this.#turn;
    this.#pending?.abort();
    this.#pending = new AbortController();
    this.results.wait();
    try {
      const answer = await this.api.search(this.#parameters(asked), this.#pending.signal);
      if (turn === this.#turn) this.#show(asked, answer);
    } catch (error) {
      if (turn !== this.#turn || error.name === "AbortError") return;
      this.browse.hidden = true;
      this.results.fail("The search gives no answer just now. Try again in a moment.");
    }
  }

  #show(asked, answer) {
    this.browse.hidden = true;
    this.results.show(asked, answer);
    if (this.#answered === asked.query) return;
    this.#answered = asked.query;
    this.results.find({});
    this.say(this.results.heading.textContent);
    this.searched(asked.query, answer);
  }

  #parameters({ query, filter, sort, after }) {
    return {
      q: query,
      n: N,
      ...(filter && Object.keys(filter).length ? { filter: JSON.stringify(filter) } : {}),
      ...(sort ? { sort } : {}),
      ...(after ? { after } : {}),
      ...this.wanted(),
    };
  }

  /** Ask the same once more: what the visitor has is not among the results. */
  again() {
    return this.query === null ? undefined : this.ask(this.#asked, { visit: false });
  }

  find(item) {
    this.results.find(item);
  }

  /** Back to the shop. */
  leave() {
    this.#turn++;
    this.#pending?.abort();
    this.#asked = this.#answered = null;
    this.box.text = "";
    this.results.clear();
    this.results.root.hidden = true;
    this.browse.hidden = false;
  }
}
