/** The small shop around the shelf: the grid with its categories, the open item, and the cart. */

import { h, picture } from "./dom.js";
import { money } from "./words.js";

const STEP = 24;
const ALL = "Everything";

const department = (item) => (item.category ?? "").split(">")[0].trim() || "Other";

export class Grid {
  #department = ALL;
  #most = STEP;

  constructor({ grid, chips, more }, items, open) {
    Object.assign(this, { grid, chips, more, open });
    this.items = mixed(items.toSorted(byCategory));
    this.more.addEventListener("click", () => this.#extend());
    this.chips.replaceChildren(...[ALL, ...new Set(items.map(department).toSorted())].map((name) => this.#chip(name)));
    this.#draw();
  }

  #chip(name) {
    return h("button", { class: "chip", type: "button", "aria-pressed": String(name === ALL), onclick: () => this.#choose(name) }, name);
  }

  #choose(name) {
    this.#department = name;
    this.#most = STEP;
    for (const chip of this.chips.children) chip.setAttribute("aria-pressed", String(chip.textContent === name));
    this.#draw();
  }

  #extend() {
    const place = this.#most;
    this.#most += STEP;
    this.#draw();
    this.grid.children[place]?.querySelector("a").focus();
  }

  /** Bring an item back into view, and the focus to it; the shop's heading, where it isn't drawn. */
  find(item) {
    const tile = [...this.grid.children].find((one) => one.dataset.item === item.item_id);
    (tile ?? this.chips).scrollIntoView({ block: tile ? "center" : "start", behavior: "instant" });
    (tile?.querySelector("a") ?? this.chips.firstElementChild).focus({ preventScroll: true });
  }

  #draw() {
    const chosen = this.items.filter((item) => this.#department === ALL || department(item) === this.#department);
    this.grid.replaceChildren(...chosen.slice(0, this.#most).map((item) => this.#tile(item)));
    this.more.hidden = chosen.length <= this.#most;
    this.more.textContent = `Show ${Math.min(STEP, chosen.length - this.#most)} more of ${chosen.length}`;
  }

  #tile(item) {
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.open(item);
    };
    return h(
      "li",
      { class: "tile", "data-item": item.item_id },
      h(
        "a",
        { href: `/?item=${encodeURIComponent(item.item_id)}`, onclick: open },
        h("span", { class: "tile-image" }, picture(item, 220), item.sold_out && h("span", { class: "sold-out" }, "Sold out")),
        h("span", { class: "tile-title" }, item.title),
        h("span", { class: "tile-price" }, money(item.price, item.currency)),
      ),
    );
  }
}

/** The catalogue comes in the order in which its partitions were read; the grid always looks the same. */
function byCategory(one, other) {
  const order = (item) => `${item.category ?? ""}\n${item.item_id}`;
  return order(one).localeCompare(order(other), "en", { numeric: true });
}

/** Items of all departments in turn, and within each of all categories, so that the first rows show what there is. */
function mixed(items) {
  const categories = Map.groupBy(items, (item) => item.category ?? "");
  const departments = Map.groupBy(categories.values(), ([item]) => department(item));
  return inTurn([...departments.values()].map(inTurn));
}

/** The first of every row, then the second of every row, and so on. */
function inTurn(rows) {
  const longest = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: longest }, (_, place) => rows.map((row) => row[place])).flat().filter(Boolean);
}

/** The open item; the answer is its heading, to be focused. */
export function drawItem(root, item, { add, close, back }) {
  const heading = h("h2", { id: "item-title", tabindex: "-1" }, item.title);
  root.replaceChildren(
    h("span", { class: "item-image" }, picture(item, 360)),
    h(
      "div",
      { class: "item-text" },
      h("p", { class: "crumbs" }, (item.category ?? "").split(">").map((part) => part.trim()).join(" › ")),
      heading,
      item.brand && h("p", { class: "brand-line" }, item.brand),
      h("p", { class: "item-price" }, money(item.price, item.currency)),
      item.description && h("p", { class: "description" }, item.description),
      h(
        "p",
        { class: "actions" },
        item.sold_out
          ? h("span", { class: "sold-out-line" }, "Sold out: it is on no shelf until it is back.")
          : h("button", { class: "main-action", type: "button", id: "add", onclick: add }, "Add to cart"),
        h("button", { class: "plain", type: "button", id: "close-item", onclick: close }, back),
      ),
    ),
  );
  return heading;
}

/** The cart as one strip; nothing when it is empty. */
export function drawCart(root, items, { remove, buy }) {
  root.hidden = items.length === 0;
  if (root.hidden) return root.replaceChildren();
  return root.replaceChildren(
    h("h2", { id: "cart-title" }, "Your cart"),
    h(
      "ul",
      {},
      items.map((item) =>
        h(
          "li",
          {},
          picture(item, 48),
          h("span", { class: "cart-line" }, item.title, h("small", {}, money(item.price, item.currency))),
          h("button", { class: "plain", type: "button", "aria-label": `Remove ${item.title} from the cart`, onclick: () => remove(item) }, "Remove"),
        ),
      ),
    ),
    h(
      "p",
      { class: "actions" },
      h("button", { class: "main-action", type: "button", id: "buy", onclick: buy }, "Buy"),
      h("small", {}, "Nothing is charged: it only tells the shelf what you have now."),
    ),
  );
}
