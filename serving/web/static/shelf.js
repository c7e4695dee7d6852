/** A shelf on the page: its items with their reasons, how fresh it is, and how it changed. */

import { h, picture } from "./dom.js";
import { ago, freshness, money, reason, status } from "./words.js";

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const MOVE = { duration: 320, easing: "cubic-bezier(.2,.7,.2,1)" };

export class Shelf {
  #cards = new Map();
  #answer = null;

  /**
   * `titles`: {personal, plain}, the heading when the shopper's own events made the shelf, and otherwise;
   * `words`: what this shelf says for a status, where it isn't what every shelf says.
   * `open(item, fact)`, `dismiss(item, fact)`: what a click does; `titleOf(id)`; `seen`: who counts impressions.
   */
  constructor(root, { titles, words = {}, level, open, dismiss, titleOf, seen }) {
    Object.assign(this, { root, titles, words, open, dismiss, titleOf, seen });
    this.heading = h(level, { class: "shelf-title", tabindex: "-1" }, titles.plain);
    this.state = h("p", { class: "shelf-state" });
    this.fresh = h("p", { class: "shelf-fresh" });
    this.marks = h("dl", { class: "marks", "aria-label": "Milliseconds since your click" });
    this.list = h("ol", { class: "picks" });
    this.raw = h("pre", { tabindex: "0" });
    this.root.replaceChildren(
      h("div", { class: "shelf-head" }, this.heading, this.state, this.fresh, this.marks),
      this.list,
      h("details", { class: "raw" }, h("summary", {}, "The answer, as the API gave it"), this.raw),
    );
  }

  wait() {
    this.root.setAttribute("aria-busy", "true");
  }

  /** Draw an answer; `clicked` says whether it was asked for because of a click that the shop has. */
  show(answer, { clicked = false } = {}) {
    this.root.removeAttribute("aria-busy");
    const first = this.#answer === null;
    this.#answer = answer;
    const items = answer.items ?? [];
    const personal = items.some((item) => item.because?.length);
    const { tone, words } = status(answer.status);
    this.heading.textContent = personal ? this.titles.personal : this.titles.plain;
    this.#say(tone, this.words[answer.status] ?? words);
    this.fresh.replaceChildren(...drawn(freshness(answer, { clicked })));
    this.#arrange(items, first);
    this.raw.textContent = JSON.stringify(answer, null, 2);
  }

  /** The time line of a click: `[[words, milliseconds since the click], …]`. */
  mark(marks) {
    this.marks.replaceChildren(
      ...marks.map(([words, ms]) => h("div", {}, h("dt", {}, words), h("dd", {}, `+${Math.round(ms)}`, h("small", {}, " ms")))),
    );
  }

  fail(words) {
    this.root.removeAttribute("aria-busy");
    this.#say("warn", words);
    this.fresh.replaceChildren();
    this.mark([]);
  }

  /** Forget what was drawn, so that the next answer begins anew. */
  clear() {
    for (const card of this.#cards.values()) this.seen.leave(card.element);
    this.#cards.clear();
    this.#answer = null;
    this.list.replaceChildren();
    this.fresh.replaceChildren();
    this.mark([]);
    this.raw.textContent = "";
  }

  #say(tone, words) {
    this.root.dataset.tone = tone;
    this.state.textContent = words;
  }

  #arrange(items, first) {
    const focused = document.activeElement;
    const places = new Map([...this.#cards].map(([id, card]) => [id, card.element.getBoundingClientRect()]));
    const cards = new Map(items.map((item) => [item.item_id, this.#cards.get(item.item_id) ?? this.#card()]));
    for (const [id, card] of this.#cards) if (!cards.has(id)) this.seen.leave(card.element);
    this.#cards = cards;
    items.forEach((item, index) => this.#fill(cards.get(item.item_id), item, index, !first && !places.has(item.item_id)));
    this.list.replaceChildren(...[...cards.values()].map((card) => card.element));
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    if (!first) this.#move(places);
  }

  #card() {
    const card = { element: h("li", { class: "pick" }) };
    card.image = h("span", { class: "pick-image" });
    card.title = h("span", { class: "pick-title" });
    card.price = h("span", { class: "pick-price" });
    card.why = h("p", { class: "why" });
    card.link = h("a", { class: "pick-link", onclick: (event) => this.#clicked(event, card) }, card.title);
    card.no = h("button", { class: "no", type: "button", onclick: () => this.#refused(card) }, h("span", { "aria-hidden": "true" }, "×"));
    card.element.append(card.image, h("div", { class: "pick-text" }, card.link, card.price, card.why), card.no);
    return card;
  }

  #fill(card, item, index, isNew) {
    const { decision_id, placement } = this.#answer;
    card.item = item;
    card.fact = { decision_id, placement, item_id: item.item_id, index: item.position ?? index };
    card.element.dataset.item = item.item_id;
    card.element.classList.toggle("pick-new", isNew);
    card.element.classList.remove("pick-gone");
    card.link.href = `/?item=${encodeURIComponent(item.item_id)}`;
    card.image.replaceChildren(picture(item, 72));
    card.title.textContent = item.title ?? item.item_id;
    card.price.textContent = money(item.price, item.currency);
    card.why.replaceChildren(...drawn(reason(item, this.titleOf)));
    card.no.title = "Not interested";
    card.no.setAttribute("aria-label", `Not interested in ${item.title ?? item.item_id}`);
    this.seen.watch(card.element, card.fact);
  }

  #clicked(event, card) {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.open(card.item, card.fact);
  }

  #refused(card) {
    const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
    (next?.querySelector(".no") ?? this.heading).focus({ preventScroll: true });
    card.element.classList.add("pick-gone");
    this.dismiss(card.item, card.fact);
  }

  /** Let each item glide from where it was; a new one appears. */
  #move(places) {
    if (CALM.matches) return;
    for (const [id, { element }] of this.#cards) {
      const from = places.get(id);
      const to = element.getBoundingClientRect();
      if (!from) element.animate([{ opacity: 0 }, { opacity: 1 }], MOVE);
      else if (from.x !== to.x || from.y !== to.y)
        element.animate([{ transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }, { transform: "none" }], MOVE);
    }
  }
}

/** Nodes for pieces of words: titles stand out, and times go on counting (see `tick`). */
function drawn(pieces) {
  const now = Date.now();
  return pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    if ("title" in piece) return h("b", {}, piece.title);
    return h("span", { class: "ago", "data-at": now - piece.ago }, ago(piece.ago));
  });
}

/** Bring every "… ago" on the page up to the present, once a second while the page is seen. */
export function tick() {
  setInterval(() => {
    if (document.hidden) return;
    const now = Date.now();
    for (const time of document.querySelectorAll(".ago")) time.textContent = ago(now - Number(time.dataset.at));
  }, 1000);
}
