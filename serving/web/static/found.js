/** How a search was understood and what was done to find something, in sentences. Pure functions, no document. */

import { list } from "./words.js";

const OWNED = { in_cart: "in your cart already", bought: "bought by you lately" };
const PLAIN = new Set(["all_words", "for_you", "best_sellers"]);

/** The first step that found something; what later ones found stands below, under their own words. */
const first = ({ steps }) => steps.find(({ found }) => found);

/** What stands above all: how many there are, or that there is nothing. */
export function headline(answer) {
  const { total, understood: { query } } = answer;
  if (!total) return `Nothing found for “${query}”`;
  if (first(answer)?.step === "fewer_words") return `Nothing has all of “${query}”, ${total} come near`;
  return `${total} ${total === 1 ? "result" : "results"} for “${query}”`;
}

/** Sentences to stand above the results: what the API says of its steps, then how it read the words. */
export function understood(answer) {
  const before = answer.steps.filter((one) => !one.found || (one === first(answer) && !PLAIN.has(one.step)) || one.step === "yours");
  return [...new Set([...before.map(({ says }) => says), ...read(answer.understood), ...owned(answer.yours ?? [])])];
}

function read({ filters, synonyms }) {
  const labels = filters.map(({ label }) => label);
  const also = synonyms.map((one) => `“${one.also}”`);
  return [
    ...(labels.length ? [`Read from your words: ${list(labels)}.`] : []),
    ...(also.length ? [`Also searched for ${list(also)}.`] : []),
  ];
}

/** What answers the query and is left out, as the visitor has it. */
function owned(yours) {
  const titles = Object.entries(OWNED).map(([why, words]) => [yours.filter((one) => one.why === why).map((one) => one.title), words]);
  return titles.filter(([named]) => named.length).map(([named, words]) => `${list(named)} ${named.length === 1 ? "is" : "are"} ${words}.`);
}
