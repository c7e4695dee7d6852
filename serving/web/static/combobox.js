/** The search box: a combobox with suggestions while typing, by mouse, touch or keyboard (ARIA 1.2, list autocomplete). */

import { h } from "./dom.js";

const WAIT_MS = 120;
const SUGGESTIONS = 6;
const LONGEST = 200;

export class SearchBox {
  #turn = 0;
  #timer = null;
  #pending = null;
  #chosen = -1;
  #offered = [];

  /** `suggest(text, n, signal)` answers suggestions; `go({query, category})` searches. */
  constructor(root, { suggest, go }) {
    Object.assign(this, { suggest, go });
    this.input = h("input", {
      id: "q", type: "search", name: "q", maxlength: String(LONGEST), placeholder: "Search the shop", enterkeyhint: "search",
      role: "combobox", "aria-label": "Search the shop", "aria-expanded": "false", "aria-controls": "suggestions",
      "aria-autocomplete": "list", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#pressed(event),
      onblur: () => this.#close(),
    });
    this.list = h("ul", { class: "suggestions", id: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
    const button = h("button", { class: "search-go", type: "submit" }, "Search");
    root.replaceChildren(this.input, button, this.list);
    root.addEventListener("submit", (event) => (event.preventDefault(), this.#submit()));
  }

  /** Show what is searched for now; nothing is suggested for it. */
  set text(words) {
    this.#close();
    this.input.value = words;
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#choose(-1); // what was chosen was of other words
    const text = this.input.value.trim();
    if (!text) return this.#close();
    this.#timer = setTimeout(() => this.#ask(text), WAIT_MS);
  }

  async #ask(text) {
    const turn = ++this.#turn;
    this.#pending?.abort();
    this.#pending = new AbortController();
    try {
      const { suggestions } = await this.suggest(text, SUGGESTIONS, this.#pending.signal);
      if (turn === this.#turn && document.activeElement === this.input) this.#offer(suggestions);
    } catch {
      if (turn === this.#turn) this.#close(); // suggestions only help: without them there is still the button
    }
  }

  #offer(suggestions) {
    this.#offered = suggestions;
    this.list.replaceChildren(...suggestions.map((one, place) => this.#option(one, place)));
    this.#open(suggestions.length > 0);
    this.#choose(-1);
  }

  #option(one, place) {
    return h(
      "li",
      {
        role: "option", id: `suggestion-${place}`, "aria-selected": "false",
        onmousedown: (event) => event.preventDefault(), // the box keeps the focus
        onclick: () => this.#take(one),
      },
      h("span", { class: "suggestion" }, one.text),
      one.category && h("small", {}, `in ${one.category.split(">").at(-1).trim()}`),
    );
  }

  #pressed(event) {
    const open = !this.list.hidden;
    if (event.key === "Escape" && open) {
      event.preventDefault();
      return this.#close();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return undefined;
    event.preventDefault();
    if (!open) return this.#typed();
    const places = this.#offered.length + 1; // one of them is the box itself
    const step = event.key === "ArrowDown" ? 1 : -1;
    return this.#choose(((this.#chosen + 1 + step + places) % places) - 1);
  }

  #choose(place) {
    this.#chosen = place;
    [...this.list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    if (place < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `suggestion-${place}`);
  }

  #submit() {
    const one = this.list.hidden ? undefined : this.#offered[this.#chosen];
    if (one) return this.#take(one);
    const query = this.input.value.trim();
    this.#close();
    return query && this.go({ query });
  }

  #take({ text, category }) {
    this.text = text;
    this.go({ query: text, category });
  }

  #open(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#turn++;
    this.#pending?.abort();
    this.#offered = [];
    this.#choose(-1);
    this.list.replaceChildren();
    this.#open(false);
  }
}
