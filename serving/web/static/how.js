/** How it works: the shop's privacy notice as text and tables. */

import { h } from "./dom.js";

const DAY_S = 86_400;

export function how(notice) {
  const system = notice.recommender_systems;
  return [
    h("h2", { id: "how-title" }, "How it works"),
    h("p", {}, notice.says),
    folded("Why it is used", table(["For", "What", "Allowed by"], notice.purposes.map(({ purpose, why, basis }) => [purpose, why, basis]))),
    folded(
      "What is stored, and for how long",
      table(["What", "For", "Deleted"], notice.stores.filter((store) => store.personal).map((store) => [store.holds, store.purposes.join(", "), ends(store)])),
      h("p", {}, `A profile is not used any more ${notice.used_for_days} days after the last visit, whatever is still stored.`),
      h("h3", {}, "Not stored"),
      bullets(notice.not_stored),
    ),
    folded("Who receives it", bullets(notice.recipients)),
    folded(
      "How shelves are made",
      h("p", {}, `Never shown: ${system.never_shown}`),
      h("h3", {}, "Where items come from"),
      table(["Source", "Uses what is known of you"], system.recommenders.map(({ explain, personal }) => [explain, personal ? "yes" : "no"])),
      h("h3", {}, "Places"),
      table(["Place", "What it shows", "Without evidence"], system.placements.map((place) => [place.name.replaceAll("_", " "), place.explain, place.without_evidence])),
      h("h3", {}, "What decides the order"),
      table(["Parameter", "Value", "Meaning"], system.ranking.map(({ name, value, means }) => [name, String(value), means])),
      h("h3", {}, "What is learnt from"),
      bullets([...system.learns_from, ...system.models]),
    ),
    folded(
      "Switching personalization off, and your rights",
      h("p", {}, system.switch_off),
      bullets(Object.values(notice.objection)),
      table(["Right", "What it does", "Route of the API"], notice.rights.map(({ right, says, route }) => [right, says, h("code", {}, route)])),
    ),
  ];
}

function ends({ deleted_after_s: after, reason }) {
  if (after === null) return `Not by age. ${reason}`;
  const age = after % DAY_S ? `${after / 3600} hours` : `${after / DAY_S} days`;
  return reason ? `After ${age}. ${reason}` : `After ${age}.`;
}

function folded(title, ...children) {
  return h("details", {}, h("summary", {}, title), ...children);
}

function bullets(sentences) {
  return h("ul", { class: "plain-list" }, sentences.map((sentence) => h("li", {}, sentence)));
}

function table(heads, rows) {
  return h(
    "div",
    { class: "table" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, place) => h("td", { "data-head": heads[place] }, cell))))),
    ),
  );
}
