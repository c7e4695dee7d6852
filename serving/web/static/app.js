/** The first page: it puts the shop, the choice and the shelves together, and carries each click around the loop. */

import { Api, load } from "./api.js";
import { Choices } from "./choices.js";
import { credit, event, line, total } from "./events.js";
import { away, noItems, noNotice } from "./notice.js";
import { Search } from "./search.js";
import { Seen } from "./seen.js";
import { Shelf, tick } from "./shelf.js";
import { Grid, drawCart, drawItem } from "./shop.js";
import { Visitor, randomId } from "./visitor.js";

const RETRY_MS = 2000;
const EXCLUDED = 100;
const HOME = {
  titles: { personal: "For you, right now", plain: "Popular right now" },
  words: {
    ok: "Live: it follows your clicks.",
    no_consent: "Not personal: the same for everyone, unless you allow more.",
  },
};
const ALSO = {
  titles: { personal: "Goes well with it", plain: "Goes well with it" },
  words: {
    ok: "Live: where others go from here, and what you did before.",
    no_consent: "Not personal: it knows the item on this page, and nothing of you.",
  },
};
const part = (id) => document.getElementById(id);

class Page {
  #turn = 0;
  #pending = null;
  #freshToken = null;
  #open = null;
  #origin = null;
  #viewId = null;
  #dismissed = new Set();

  constructor(config, items) {
    this.places = config.placements;
    this.visitor = new Visitor();
    this.api = new Api(config.publishable_key);
    this.items = new Map(items.map((item) => [item.item_id, item]));
    this.cart = this.visitor.cart.filter((id) => this.items.has(id));
    this.seen = new Seen((facts) => this.#impression(facts));
    this.choices = new Choices(part("choices"), (consent) => this.#choose(consent));
    this.home = this.#shelf("home-shelf", "h2", HOME);
    this.also = this.#shelf("item-shelf", "h3", ALSO);
    this.search = this.#searching();
    this.grid = new Grid({ grid: part("grid"), chips: part("chips"), more: part("more") }, items, (item) => this.open(item));
  }

  #shelf(id, level, words) {
    return new Shelf(part(id), {
      ...words,
      level,
      seen: this.seen,
      titleOf: (itemId) => this.items.get(itemId)?.title,
      open: (item, fact) => this.open({ ...item, ...this.items.get(item.item_id) }, { fact }),
      dismiss: (item, fact) => this.#dismiss(item, fact),
    });
  }

  #searching() {
    return new Search(
      { form: part("search"), root: part("results"), browse: part("browse") },
      {
        api: this.api,
        seen: this.seen,
        wanted: () => this.#asking(),
        open: (item, fact) => this.open({ ...item, ...this.items.get(item.item_id) }, { fact }),
        searched: (query, answer) => this.#searched(query, answer),
        say: (words) => this.#say(words),
        leave: () => this.#leave(),
      },
    );
  }

  begin() {
    part("floor").hidden = part("search").hidden = false;
    part("to-choices").addEventListener("click", () => this.choices.ask(this.visitor.consent));
    part("brand").addEventListener("click", (click) => (click.preventDefault(), this.#leave()));
    part("to-cart").addEventListener("click", () => (part("cart").scrollIntoView({ block: "center" }), part("cart").focus()));
    addEventListener("popstate", () => this.#follow(performance.now()));
    this.visitor.watch(() => location.reload());
    this.choices.draw(this.visitor.consent);
    this.#drawCart();
    this.#tellWithdrawals();
    tick();
    this.#follow(null);
  }

  /** What the address says: an item, a search or the shop. `startedAt` is null when nobody clicked. */
  #follow(startedAt) {
    const address = new URLSearchParams(location.search);
    const item = this.items.get(address.get("item"));
    const query = address.get("q")?.trim();
    if (startedAt !== null && item && item === this.#open) return;
    if (item) return this.open(item, { visit: false, startedAt });
    if (!query) this.search.leave();
    this.#close({ visit: false });
    if (query && query !== this.search.query) this.search.ask({ query }, { visit: false });
  }

  /** Back to the shop, out of an item and a search. */
  #leave() {
    this.search.leave();
    if (this.#open) return this.#close();
    if (location.search) history.pushState(null, "", "/");
    return part("shop").focus();
  }

  /** Tell what was searched for, and what it found. */
  async #searched(query, answer) {
    const page = { type: "search", view_id: randomId() };
    const told = this.#event("search", { ...credit(answer), page, search_term: query, results: answer.total });
    if (told) await this.api.send([told]);
  }

  /** Open an item; `fact` says on which shelf it was clicked. */
  open(item, { fact = null, visit = true, startedAt = performance.now() } = {}) {
    if (visit) history.pushState(null, "", `/?item=${encodeURIComponent(item.item_id)}`);
    if (!this.items.has(item.item_id)) this.items.set(item.item_id, item);
    if (this.#open?.item_id !== item.item_id) this.also.clear();
    this.#open = item;
    this.#origin = fact;
    this.#viewId = randomId();
    const back = this.search.query === null ? "Back to the shop" : "Back to the results";
    const heading = drawItem(part("item-card"), item, { add: () => this.#add(item), close: () => this.#close(), back });
    part("item").hidden = false;
    if (startedAt !== null) {
      part("item").scrollIntoView({ block: "start", behavior: "instant" });
      heading.focus({ preventScroll: true });
    }
    const picked = fact && this.#event("select_item", { ...credit(fact), items: [line(item, { index: fact.index })] });
    this.#round([picked, this.#view(item)], startedAt);
  }

  #view(item) {
    const page = { type: "product", view_id: this.#viewId };
    return this.#event("view_item", { ...credit(this.#origin), page, currency: item.currency, items: [line(item)] });
  }

  #close({ visit = true } = {}) {
    if (visit && location.search) history.pushState(null, "", this.search.address);
    const open = this.#open;
    this.#open = this.#origin = null;
    part("item").hidden = true;
    this.also.clear();
    if (open) (this.search.query === null ? this.grid : this.search).find(open);
    this.#round([], null);
  }

  #add(item) {
    const startedAt = performance.now();
    if (!this.cart.includes(item.item_id)) this.#keepCart([...this.cart, item.item_id]);
    this.#say(`${item.title} is in the cart.`);
    const more = { ...credit(this.#origin), currency: item.currency, value: total([item]), items: [line(item)] };
    this.#changed([this.#event("add_to_cart", more)], startedAt);
  }

  #remove(item) {
    const startedAt = performance.now();
    this.#keepCart(this.cart.filter((id) => id !== item.item_id));
    (part("cart").hidden ? part("shop") : part("cart")).focus();
    this.#changed([this.#event("remove_from_cart", { currency: item.currency, items: [line(item)] })], startedAt);
  }

  #buy() {
    const startedAt = performance.now();
    const items = this.cart.map((id) => this.items.get(id));
    const order = this.#event("purchase", { currency: items[0].currency, value: total(items), items: items.map((item) => line(item)) });
    this.#keepCart([]);
    part("shop").focus();
    this.#say("Bought. What you have now leaves the shelf.");
    this.#changed([order && { ...order, transaction_id: order.event_id }], startedAt);
  }

  #keepCart(ids) {
    this.cart = this.visitor.cart = ids;
    this.#drawCart();
  }

  #drawCart() {
    const items = this.cart.map((id) => this.items.get(id));
    drawCart(part("cart"), items, { remove: (item) => this.#remove(item), buy: () => this.#buy() });
    part("to-cart").hidden = items.length === 0;
    part("to-cart").textContent = `Cart ${items.length}`;
  }

  #dismiss(item, fact) {
    this.#dismissed.add(item.item_id);
    this.#changed([this.#event("dismiss", { ...credit(fact), items: [line(item, { index: fact.index })] })], performance.now());
  }

  #impression(facts) {
    const [{ placement }] = facts;
    const items = facts.map(({ item_id, index }) => ({ item_id, index }));
    const seen = this.#event("view_item_list", { ...credit(facts[0]), item_list_id: placement, items });
    if (seen) this.api.send([seen]);
  }

  /** Take a choice: tell the shop what it has to know, keep the rest here. */
  #choose(consent) {
    const id = this.visitor.choose(consent);
    this.choices.draw(consent, { focus: true });
    this.api.forget();
    const told = id && event("consent_update", { id, consent });
    if (told && id !== this.visitor.id) return this.#withdraw(told);
    const looking = this.#open && this.#view(this.#open);
    return this.#changed([told, looking], performance.now());
  }

  #withdraw(told) {
    this.#freshToken = null;
    this.visitor.withdrawals = [...this.visitor.withdrawals, told];
    this.#say("Withdrawn. The page goes on without remembering you.");
    this.#tellWithdrawals();
    return this.#changed([], null);
  }

  /** A withdrawal is told until the shop has taken it, also after a reload. */
  async #tellWithdrawals() {
    const events = this.visitor.withdrawals;
    const taken = await this.api.send(events);
    if (!taken) return;
    const done = new Set(events.map((told) => told.event_id));
    this.visitor.withdrawals = this.visitor.withdrawals.filter((told) => !done.has(told.event_id));
  }

  /** An event if the visitor allows any, else null. */
  #event(name, more) {
    return this.visitor.remembered ? event(name, this.visitor, more) : null;
  }

  /** A turn of the loop after which a search is asked again: what the visitor has is not among its results. */
  async #changed(events, startedAt) {
    const { query } = this.search;
    await this.#round(events, startedAt);
    if (query !== null) this.search.again();
  }

  /** One turn of the loop: events out, their token back, shelves that know them. A newer turn takes over. */
  async #round(events, startedAt) {
    const turn = ++this.#turn;
    this.#pending?.abort();
    this.#pending = new AbortController();
    this.home.wait();
    if (this.#open) this.also.wait();
    const sending = events.filter(Boolean);
    const { id } = this.visitor;
    const sent = await this.api.send(sending);
    if (sent && id === this.visitor.id) this.#freshToken = sent.freshToken ?? this.#freshToken;
    if (turn !== this.#turn) return;
    const sinceClick = (at) => (startedAt === null ? null : at - startedAt);
    const stored = sent?.verdicts.some((verdict) => verdict.status === "accepted") ? sinceClick(sent.at) : null;
    const loop = { turn, startedAt, stored, clicked: startedAt !== null && sending.length > 0 };
    await Promise.all([this.#ask(this.home, this.places.home, loop), this.#open && this.#ask(this.also, this.places.item, loop)]);
  }

  async #ask(shelf, { placement, n }, loop) {
    try {
      const answer = await this.api.shelf(placement, this.#wanted(shelf, n), this.#pending.signal);
      if (loop.turn !== this.#turn) return;
      const answeredAt = performance.now();
      const clicked = loop.clicked && loop.stored !== null;
      shelf.show(answer, { clicked });
      if (shelf === this.home) shelf.mark(this.#marks(loop, answeredAt));
      if (shelf === this.home && loop.startedAt !== null) this.#say(`The shelf has ${answer.items.length} items for this click.`);
      if (answer.status === "degraded") this.#again(shelf, { placement, n }, loop);
    } catch (error) {
      if (loop.turn !== this.#turn || error.name === "AbortError") return;
      shelf.fail("The API gives no answer just now; the page asks again by itself.");
      this.#again(shelf, { placement, n }, loop);
    }
  }

  /** Ask once more in a moment, unless another turn has begun by then. */
  #again(shelf, place, loop) {
    setTimeout(() => loop.turn === this.#turn && this.#ask(shelf, place, { ...loop, startedAt: null }), RETRY_MS);
  }

  /** What the page itself keeps out, where the shop may not know it. */
  get #own() {
    return this.visitor.personal ? [] : [...this.cart, ...this.#dismissed].slice(-EXCLUDED);
  }

  /** Who searches; an address carries the visitor's id only once they have agreed to be remembered. */
  #asking() {
    const own = this.#own.join(",");
    return {
      ...(this.visitor.remembered ? { visitor_id: this.visitor.id } : {}),
      ...(own ? { exclude: own } : {}),
      ...(this.#freshToken ? { min_fresh: this.#freshToken } : {}),
      personalize: this.visitor.personal,
    };
  }

  #wanted(shelf, n) {
    const own = this.#own;
    const open = this.#open?.item_id;
    return {
      visitor_id: this.visitor.id,
      n,
      ...(shelf === this.also ? { item_ids: [open] } : {}),
      exclude: [...new Set([...(open ? [open] : []), ...own])],
      ...(this.#freshToken ? { min_fresh: this.#freshToken } : {}),
      explain: true,
      profiling: this.visitor.personal ? "on" : "off",
    };
  }

  #marks({ startedAt, stored }, answeredAt) {
    if (startedAt === null) return [];
    const marks = [["answered", answeredAt - startedAt], ["on screen", performance.now() - startedAt]];
    return stored === null ? marks : [["stored", stored], ...marks];
  }

  #say(words) {
    part("said").textContent = words;
  }
}

async function start() {
  let config, items;
  try {
    [config, { items }] = await Promise.all([load("/demo/config.json"), load("/demo/items.json")]);
  } catch {
    return away(start);
  }
  if (items.length === 0) return noItems(start);
  noNotice();
  if (config.demo) part("intro-note").append(" Simulated shoppers are in the shop with you.");
  return new Page(config, items).begin();
}

start();
