/** The choice of what the shop may do, inline in the page, and the way back from it at any time. */

import { h } from "./dom.js";
import { EVERYTHING, NOTHING, PURPOSES } from "./visitor.js";
import { list } from "./words.js";

const TEXTS = {
  analytics: ["Analytics", "Count visits and clicks, so that the shop can see what works."],
  personalization: ["Personalization", "Remember what you look at, so that this shelf can follow your clicks."],
  marketing: ["Marketing", "Let the shop write to you about it. This demo sends no mail."],
};

/** `take(consent)` is called with a choice. */
export class Choices {
  constructor(root, take) {
    Object.assign(this, { root, take });
  }

  /** Draw the question while there is no choice, else the choice; `focus` moves there. */
  draw(consent, { focus = false } = {}) {
    this.root.dataset.asked = consent ? "yes" : "no";
    this.root.replaceChildren(...(consent ? this.#taken(consent) : this.#question(NOTHING)));
    if (focus) this.root.focus();
  }

  /** Draw the question again, with the choice as it is. */
  ask(consent) {
    this.root.dataset.asked = "no";
    this.root.replaceChildren(...this.#question(consent ?? NOTHING));
    this.root.focus();
    this.root.scrollIntoView({ block: "nearest" });
  }

  #question(consent) {
    const boxes = PURPOSES.map((purpose) => h("input", { type: "checkbox", name: purpose, id: `allow-${purpose}`, checked: consent[purpose] }));
    const chosen = () => Object.fromEntries(boxes.map((box) => [box.name, box.checked]));
    return [
      h("h2", { id: "choices-title" }, "May the shop remember your clicks?"),
      h("p", {}, "Until you say so it remembers nothing, and its shelf is the same for everyone. You can take it back here at any time."),
      h(
        "fieldset",
        {},
        h("legend", { class: "unseen" }, "What you allow"),
        boxes.map((box) =>
          h("div", { class: "purpose" }, box, h("label", { for: box.id }, h("b", {}, TEXTS[box.name][0]), h("span", {}, TEXTS[box.name][1]))),
        ),
      ),
      navigator.globalPrivacyControl ? h("p", { class: "gpc" }, "Your browser sends Global Privacy Control: shelves stay impersonal, whatever you choose here.") : "",
      h(
        "p",
        { class: "answers" },
        h("button", { class: "answer", type: "button", id: "decline", onclick: () => this.take(NOTHING) }, "Decline all"),
        h("button", { class: "answer", type: "button", id: "accept", onclick: () => this.take(EVERYTHING) }, "Accept all"),
        h("button", { class: "answer", type: "button", id: "accept-chosen", onclick: () => this.take(chosen()) }, "Allow what is ticked"),
      ),
    ];
  }

  #taken(consent) {
    const allowed = PURPOSES.filter((purpose) => consent[purpose]);
    return [
      h("h2", { id: "choices-title", class: "unseen" }, "Your choices"),
      h("p", { class: "taken" }, allowed.length ? `You allow ${list(allowed)}.` : "You allow nothing, and nothing about you is kept."),
      h(
        "p",
        { class: "taken-actions" },
        h("button", { class: "plain", type: "button", id: "change", onclick: () => this.ask(consent) }, "Change"),
        allowed.length > 0 && h("button", { class: "plain", type: "button", id: "withdraw", onclick: () => this.take(NOTHING) }, "Withdraw all"),
      ),
    ];
  }
}
