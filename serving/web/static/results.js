/** The results of a search: how it was understood, what narrows it, and the items, grouped by what found them. */

import { h, picture } from "./dom.js";
import { headline, understood } from "./found.js";
import { money } from "./words.js";

const CHOICES = 8;
const FACETS = { category: "Category", brand: "Brand", price: "Price" };
const SORTS = { relevance: "Best match", price_asc: "Cheapest first", price_desc: "Dearest first", newest: "Newest first" };
const DEGRADED = "Not at its best just now: something that the search relies on does not answer.";
const FILLS = new Set(["best_sellers", "for_you"]);

export class Results {
  #answer = null;
  #asked = null;
  #tiles = [];

  /** `open(item, fact)` on a click, `ask(asked)` for another filter, order or page, `leave()` back to the shop; `seen` counts impressions. */
  constructor(root, { open, ask, leave, seen }) {
    Object.assign(this, { root, open, ask, leave, seen });
    this.heading = h("h2", { id: "results-title", tabindex: "-1" });
    this.says = h("div", { class: "results-says" });
    this.facets = h("div", { class: "facets" });
    this.sort = h("select", { id: "sort", onchange: () => this.#again({ sort: this.sort.value }) }, this.#sorts());
    this.list = h("div", { class: "results-list" });
    this.more = h("button", { class: "plain", type: "button", onclick: () => this.ask({ ...this.#asked, after: this.#answer.next }) }, "Show more");
    const back = h("button", { class: "plain", type: "button", id: "leave-results", onclick: () => this.leave() }, "Back to the shop");
    this.root.replaceChildren(
      h("div", { class: "results-head" }, this.heading, back),
      this.says,
      h("div", { class: "narrow" }, this.facets, h("label", { class: "sort" }, "Order ", this.sort)),
      this.list,
      h("p", { class: "more" }, this.more),
    );
  }

  wait() {
    this.root.setAttribute("aria-busy", "true");
  }

  /** Draw an answer to `asked` ({query, filter, sort, after}); a page after the first is put below. */
  show(asked, answer) {
    this.root.removeAttribute("aria-busy");
    const next = Boolean(asked.after);
    this.#answer = answer;
    this.#asked = { ...asked, after: null };
    this.root.hidden = false;
    if (!next) this.#begin(answer);
    const first = this.#put(answer);
    this.more.hidden = answer.next === null;
    if (next) first?.focus();
  }

  fail(words) {
    this.root.removeAttribute("aria-busy");
    this.root.hidden = false;
    this.clear();
    this.says.replaceChildren(h("p", { class: "results-warn" }, words));
  }

  /** Forget what was drawn. */
  clear() {
    for (const tile of this.#tiles) this.seen.leave(tile);
    this.#tiles = [];
    for (const part of [this.heading, this.says, this.facets, this.list]) part.replaceChildren();
    this.more.hidden = true;
    this.sort.parentElement.hidden = true;
  }

  /** Bring an item back into view, and the focus to it; else the heading. */
  find(item) {
    const tile = this.#tiles.find((one) => one.dataset.item === item.item_id);
    (tile ?? this.root).scrollIntoView({ block: tile ? "center" : "start", behavior: "instant" });
    (tile?.querySelector("a") ?? this.heading).focus({ preventScroll: true });
  }

  #begin(answer) {
    const focused = this.facets.contains(document.activeElement) && document.activeElement.dataset.choice;
    this.clear();
    this.heading.textContent = headline(answer);
    const lines = understood(answer).map((words) => h("p", {}, words));
    if (answer.status === "degraded") lines.push(h("p", { class: "results-warn" }, DEGRADED));
    this.says.replaceChildren(...lines);
    this.facets.replaceChildren(...this.#drawFacets(answer));
    if (focused) ([...this.facets.querySelectorAll("button")].find((chip) => chip.dataset.choice === focused) ?? this.heading).focus();
    this.sort.value = answer.sort;
    this.sort.parentElement.hidden = answer.total < 2;
  }

  /** The items, with a heading wherever another step found them; the answer is the first new link. */
  #put(answer) {
    const groups = [];
    for (const item of answer.items) {
      if (groups.at(-1)?.step !== item.step) groups.push({ step: item.step, items: [] });
      groups.at(-1).items.push(item);
    }
    const before = this.#tiles.length;
    groups.forEach(({ step, items }, place) => {
      const says = answer.steps.find((one) => one.step === step && one.found)?.says;
      const name = place > 0 || FILLS.has(step) ? says : null;
      const into = place === 0 && before ? this.list.lastElementChild : h("ul", { class: "grid" });
      into.append(...items.map((item) => this.#tile(item)));
      if (name) this.list.append(h("h3", { class: "results-step" }, name));
      if (!into.isConnected) this.list.append(into);
    });
    return this.#tiles[before]?.querySelector("a");
  }

  #tile(item) {
    const { decision_id, placement } = this.#answer;
    const fact = { decision_id, placement, item_id: item.item_id, index: this.#tiles.length };
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.open(item, fact);
    };
    const tile = h(
      "li",
      { class: "tile", "data-item": item.item_id, "data-step": item.step },
      h(
        "a",
        { href: `/?item=${encodeURIComponent(item.item_id)}`, onclick: open },
        h("span", { class: "tile-image" }, picture(item, 220)),
        h("span", { class: "tile-title" }, marked(item)),
        h("span", { class: "tile-price" }, money(item.price, item.currency)),
      ),
    );
    this.#tiles.push(tile);
    this.seen.watch(tile, fact);
    return tile;
  }

  #drawFacets(answer) {
    const currency = answer.items[0]?.currency ?? "EUR";
    return Object.entries(FACETS).flatMap(([field, name]) => {
      const facet = answer.facets.find((one) => one.field === field);
      const chips = facet ? this.#chips(field, facet, currency) : this.#chosen(field, currency);
      return chips.length ? [h("div", { class: "facet", role: "group", "aria-label": name }, h("span", { class: "facet-name" }, name), chips)] : [];
    });
  }

  #chips(field, facet, currency) {
    const choices = facet.values
      ? facet.values.slice(0, CHOICES).map(({ value, count }) => ({ value, count, label: value.split(">").at(-1).trim(), title: value }))
      : facet.ranges.filter(({ count }) => count).map(({ from, to, count }) => ({ value: range(from, to), count, label: between(from, to, currency) }));
    const chosen = this.#asked.filter?.[field];
    const listed = choices.some(({ value }) => same(value, chosen));
    return [...(listed ? [] : this.#chosen(field, currency)), ...choices.map((choice) => this.#chip(field, choice, same(choice.value, chosen)))];
  }

  /** What narrows by a field that the answer has no counts for, so that it can be taken back. */
  #chosen(field, currency) {
    const value = this.#asked.filter?.[field];
    if (value === undefined) return [];
    const label = typeof value === "object" ? between(value.gte, value.lt, currency) : value.split(">").at(-1).trim();
    return [this.#chip(field, { value, label }, true)];
  }

  #chip(field, { value, count, label, title }, pressed) {
    const choose = () => {
      const { [field]: _, ...others } = this.#asked.filter ?? {};
      this.#again({ filter: pressed ? others : { ...others, [field]: value } });
    };
    const counted = count !== undefined && h("small", {}, ` ${count}`);
    const choice = JSON.stringify([field, value]);
    const how = { title, "aria-pressed": String(pressed), "data-choice": choice, onclick: choose };
    return h("button", { class: "chip", type: "button", ...how }, label, counted);
  }

  #again(change) {
    this.ask({ ...this.#asked, ...change });
  }

  #sorts() {
    return Object.entries(SORTS).map(([value, words]) => h("option", { value }, words));
  }
}

/** A title with the words that were searched for marked; text only. */
function marked(item) {
  const parts = item.highlights?.title;
  return parts ? parts.map((part, place) => (place % 2 ? h("mark", {}, part) : part)) : item.title;
}

const range = (from, to) => ({ ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) });
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function between(from, to, currency) {
  if (from === undefined) return `under ${money(to, currency)}`;
  return to === undefined ? `from ${money(from, currency)}` : `${money(from, currency)} – ${money(to, currency)}`;
}
