/** What the page says when there is nothing to show yet, and what to do about it. */

import { h } from "./dom.js";

const section = () => document.getElementById("notice");

function notice(...children) {
  section().hidden = false;
  section().replaceChildren(...children);
}

export function noNotice() {
  section().hidden = true;
}

/** The shop is there, but empty; `again` looks once more. */
export function noItems(again) {
  notice(
    h("h2", {}, "The shop has no items yet"),
    h("p", {}, "Start it with its made catalogue:"),
    h("pre", {}, "liveshelf up --demo"),
    h("p", {}, "or send your own items, with the secret key that ", h("code", {}, "liveshelf up"), " printed:"),
    h(
      "pre",
      {},
      `curl -X PUT ${location.origin}/v1/catalog/items \\\n` +
        '  -H "Authorization: Bearer $SECRET_KEY" -H "Content-Type: application/json" \\\n' +
        `  -d '{"items": [{"item_id": "a1", "title": "A first item", "price": "9.90", "currency": "EUR",\n` +
        `                  "availability": "in_stock", "category": "Kitchen > Pans"}]}'`,
    ),
    h("p", {}, h("button", { class: "answer", type: "button", onclick: again }, "Look again")),
  );
}

/** The shop doesn't answer; `again` tries once more. */
export function away(again) {
  notice(
    h("h2", {}, "The shop can't be reached"),
    h("p", {}, "Its API gives no answer. It may still be starting."),
    h("p", {}, h("button", { class: "answer", type: "button", onclick: again }, "Try again")),
  );
}
