/** The privacy page: what is allowed, what is known, what can be done about it, and how all of it works. */

import { load } from "./api.js";
import { h } from "./dom.js";
import { how } from "./how.js";
import { facts, knowsNothing } from "./known.js";
import { Rights } from "./rights.js";
import { NOTHING, PURPOSES, Visitor } from "./visitor.js";

const TEXTS = {
  analytics: ["Analytics", "Count visits and clicks, so that the shop can see what works."],
  personalization: ["Personalization", "Remember what you look at, so that shelves can follow your clicks."],
  marketing: ["Marketing", "Let the shop write to you. This demo sends no mail."],
};
const SAID = { withdrawn: "Withdrawn", granted: "Allowed", assumed: "Allowed, with an event" };
const AGAIN_MS = 1000;
const part = (id) => document.getElementById(id);
const say = (words) => (part("said").textContent = words);
const when = (at) => new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

class Page {
  #held = null;

  constructor(config, titles, notice) {
    this.config = config;
    this.notice = notice;
    this.titles = titles;
    this.visitor = new Visitor();
    // after a withdrawal this browser goes on under another id; this page still speaks of the one it began with
    this.id = this.visitor.id;
    this.known = this.visitor.remembered;
    this.rights = new Rights(config.publishable_key, this.id, config.visitor_tokens);
  }

  async begin() {
    for (const id of ["choices", "known", "rights", "how"]) part(id).hidden = false;
    part("how").replaceChildren(...how(this.notice));
    this.#drawRights();
    this.#drawChoices(null);
    await this.#look();
  }

  /** Ask what is held, and show it. */
  async #look() {
    if (!this.known) return this.#drawUnknown();
    try {
      this.#held = JSON.parse(await this.rights.exported());
    } catch (error) {
      this.#held = null;
      return this.#drawAway(error);
    }
    this.#drawKnown();
    this.#drawChoices(this.#held.consent);
  }

  // what is allowed

  #drawChoices(consent) {
    const focused = document.activeElement?.id;
    const rows = PURPOSES.map((purpose) => this.#choice(purpose, consent?.[purpose]));
    part("choices").replaceChildren(
      h("h2", { id: "choices-title" }, "What you allow"),
      h("p", {}, "Each can be changed at any time and holds at once."),
      navigator.globalPrivacyControl ? h("p", {}, "Your browser sends Global Privacy Control: personalization stays off.") : "",
      h("ul", { class: "switches" }, ...rows, this.#objection()),
    );
    if (focused) part(focused)?.focus();
  }

  #choice(purpose, word) {
    const [title, text] = TEXTS[purpose];
    const allowed = word ? word.granted : Boolean(this.visitor.consent?.[purpose]);
    const holds = allowed ? "Allowed" : "Not allowed";
    const since = word?.at ? `${holds} since ${when(word.at)}.` : this.visitor.consent ? `${holds}.` : "You have not said anything yet.";
    const history = word?.history ?? [];
    return h(
      "li",
      {},
      toggle(`allow-${purpose}`, title, text, allowed, (on) => this.#choose(purpose, on)),
      word || !this.known ? h("p", { class: "since" }, since) : "",
      history.length > 0 &&
        h(
          "details",
          {},
          h("summary", {}, "History", h("span", { class: "unseen" }, ` of ${title}`)),
          h("ul", {}, history.map((one) => h("li", {}, `${SAID[one.kind]} on ${when(one.at)}${one.text_version ? `, text ${one.text_version}` : ""}`))),
        ),
    );
  }

  async #choose(purpose, on) {
    const box = part(`allow-${purpose}`);
    box.disabled = true;
    try {
      const consent = await this.rights.consent({ [purpose]: on });
      this.known = true;
      this.visitor.choose({ ...NOTHING, ...this.visitor.consent, [purpose]: consent[purpose].granted });
      say(`${TEXTS[purpose][0]} is ${consent[purpose].granted ? "allowed" : "off"} now.`);
      this.#drawChoices(consent);
      part(`allow-${purpose}`).focus();
      await this.#look();
    } catch (error) {
      box.checked = !on;
      box.disabled = false;
      say(`Nothing was changed: ${error.message}. Please try again.`);
      part("notice").hidden = false;
      part("notice").replaceChildren(h("p", {}, `Nothing was changed: ${error.message}. Please try again.`));
    }
  }

  #objection() {
    const draw = (off) => {
      this.visitor.objects = off;
      say(off ? "Shelves use nothing of you now." : "Shelves may follow your clicks again, if personalization is allowed.");
    };
    return h(
      "li",
      {},
      toggle("object", "No profiling in this browser", "Shelves use nothing of you, whatever is allowed above. Kept in this browser alone.", this.visitor.objects, draw),
    );
  }

  // what is known

  #drawKnown() {
    const titleOf = (id) => this.titles.get(id) ?? id;
    const held = this.#held;
    const told = facts(held, titleOf, Date.now());
    part("known").replaceChildren(
      h("h2", { id: "known-title" }, "What this shop knows of you"),
      h("p", {}, this.#summary(held)),
      held.incomplete ? h("p", {}, held.incomplete) : "",
      h("dl", { class: "facts" }, told.map(({ title, why, words }) => h("div", {}, h("dt", {}, title), h("dd", {}, words, h("p", { class: "why" }, why))))),
    );
  }

  #summary(held) {
    if (held.erased_at && knowsNothing(held)) return `You were erased on ${when(held.erased_at)}. A pseudonym and that time are kept, and what you said since.`;
    if (knowsNothing(held)) return "Nothing but your choices, and what the log still holds.";
    if (!held.profile.in_use) return "It is kept, but not used: personalization is off.";
    return `It makes your shelves follow you. After ${this.notice.used_for_days} days without a visit it is not used any more.`;
  }

  #drawUnknown() {
    part("known").replaceChildren(
      h("h2", { id: "known-title" }, "What this shop knows of you"),
      h("p", {}, "Nothing. You have allowed nothing, so this browser keeps no id and sends no events."),
    );
  }

  #drawAway(error) {
    const server = error.status === 403 ? "Your own data needs proof that it is yours, which the shop's server gives (a visitor token). This page got none." : `It cannot be read now: ${error.message}.`;
    part("known").replaceChildren(
      h("h2", { id: "known-title" }, "What this shop knows of you"),
      h("p", {}, server),
      h("p", {}, h("button", { class: "plain", type: "button", onclick: () => this.#look() }, "Look again")),
    );
  }

  // what can be done

  #drawRights() {
    part("rights").replaceChildren(
      h("h2", { id: "rights-title" }, "Take it, begin anew, or have it erased"),
      h(
        "ul",
        { class: "deeds" },
        deed("download", "Download", "Everything that is held of you, as one JSON file.", "Download", () => this.#download()),
        deed("reset", "Start anew", "Forget what you viewed, put in the cart, bought and dismissed. Your choices stay.", "Start anew", () => this.#reset()),
        deed("erase", "Erase", "Delete all of it, with a receipt. Your choices go, too, and count as no.", "Erase me…", () => this.#sure(), "grave"),
      ),
    );
  }

  async #deed(id, work) {
    const button = part(id);
    button.disabled = true;
    try {
      if (!this.known) throw new Error("there is nothing of you, as this browser keeps no id");
      await work();
    } catch (error) {
      const words = this.known ? `It did not work: ${error.message}. Please try again.` : `Nothing to do: ${error.message}.`;
      say(words);
      this.#note(id, h("p", { class: "receipt" }, words));
    }
    button.disabled = false;
  }

  #note(id, ...children) {
    const row = part(id).closest("li");
    row.querySelector(".told")?.remove();
    row.append(h("div", { class: "told sure" }, ...children));
  }

  #download() {
    return this.#deed("download", async () => {
      const address = URL.createObjectURL(new Blob([await this.rights.exported()], { type: "application/json" }));
      h("a", { href: address, download: "liveshelf-export.json" }).click();
      setTimeout(() => URL.revokeObjectURL(address), AGAIN_MS);
      say("The file is on its way.");
    });
  }

  #reset() {
    return this.#deed("reset", async () => {
      await this.rights.reset();
      this.visitor.cart = [];
      say("Forgotten. You start anew.");
      this.#note("reset", h("p", { class: "receipt" }, "Forgotten. You start anew."));
      await new Promise((done) => setTimeout(done, AGAIN_MS / 4));
      await this.#look();
    });
  }

  #sure() {
    if (!this.known) return this.#erase();
    const yes = h("button", { class: "plain grave", type: "button", id: "erase-yes", onclick: () => this.#erase() }, "Yes, erase me");
    const no = h("button", { class: "plain", type: "button", onclick: () => (part("erase").closest("li").querySelector(".told").remove(), part("erase").focus()) }, "Keep it");
    this.#note("erase", h("p", {}, "This cannot be taken back. Erase everything now?"), h("p", { class: "actions" }, yes, no));
    yes.focus();
  }

  #erase() {
    return this.#deed("erase", async () => {
      part("erase-yes").disabled = true;
      say("Erasing.");
      let answer = await this.rights.erase();
      this.#forget();
      while (answer.status === "erasing") {
        this.#note("erase", h("p", { class: "receipt", id: "erasing" }, "Nothing of you is read any more. Waiting until every part has deleted it…"));
        await new Promise((done) => setTimeout(done, AGAIN_MS));
        answer = await this.rights.erasure(answer.at);
      }
      this.#receipt(answer);
    });
  }

  /** This browser forgets its id, its choices and its cart. */
  #forget() {
    this.visitor.choose(NOTHING);
    this.visitor.cart = [];
  }

  #receipt(answer) {
    say("Erased. The receipt is below.");
    this.#note(
      "erase",
      h(
        "div",
        { class: "receipt", id: "receipt", tabindex: "-1" },
        h("p", {}, h("b", {}, `Erased on ${when(answer.completed_at)}.`)),
        h("p", {}, `Raw records of the log end on ${when(answer.raw_records_until)}. Kept: ${answer.kept}.`),
        h("p", {}, "Receipt, signed by this shop: ", h("code", {}, answer.receipt)),
      ),
    );
    part("receipt").focus();
    this.known = false;
    this.#drawChoices(null);
    part("known").replaceChildren(h("h2", { id: "known-title" }, "What this shop knows of you"), h("p", {}, "Nothing any more. The log's raw records end by the date on your receipt."));
  }
}

function toggle(id, title, text, checked, change) {
  const box = h("input", { type: "checkbox", role: "switch", id, checked, onchange: () => change(box.checked) });
  return h("div", { class: "switch" }, h("label", { for: id }, h("b", {}, title), h("span", {}, text)), box);
}

function deed(id, title, text, words, work, look = "") {
  return h("li", {}, h("div", {}, h("b", {}, title), h("span", {}, text)), h("p", { class: "actions" }, h("button", { class: `plain ${look}`, type: "button", id, onclick: work }, words)));
}

async function start() {
  part("notice").hidden = true;
  try {
    const [config, { items }, notice] = await Promise.all(["/demo/config.json", "/demo/items.json", "/v1/privacy/notice"].map(load));
    await new Page(config, new Map(items.map((item) => [item.item_id, item.title])), notice).begin();
  } catch {
    part("notice").hidden = false;
    part("notice").replaceChildren(
      h("h2", {}, "The shop can't be reached"),
      h("p", {}, "Its API gives no answer. It may still be starting."),
      h("p", {}, h("button", { class: "answer", type: "button", onclick: start }, "Try again")),
    );
  }
}

start();
