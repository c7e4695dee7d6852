/** What an export says, in plain words: `[title, why, words…]` a fact. Pure functions, no document. */

import { ago, list } from "./words.js";

const SHOWN = 6;
const many = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
const VERBS = { view_item: "viewed", add_to_cart: "put in the cart", purchase: "bought", dismiss: "dismissed" };

/** Facts about the visitor; `titleOf` names items, `now` is in ms. */
export function facts(held, titleOf, now) {
  const { profile } = held;
  const told = profile ? [last(profile, now), ...signals(profile.signals, titleOf, now), ...concluded(held.inferred)] : [];
  return [...told.filter(Boolean), ...technical(held), records(held.records)].filter(Boolean);
}

/** Whether anything is known beside consents and raw records. */
export function knowsNothing({ profile }) {
  return !profile || Object.values(profile.signals).every(({ value }) => count(value) === 0);
}

function count(value) {
  if (value.events !== undefined) return value.events;
  return Array.isArray(value.items) ? value.items.length : Object.keys(value.items ?? {}).length;
}

function last({ last: event }, now) {
  return event && { title: "Last seen", why: "So that answers can say how fresh they are.", words: `${ago(now - event.at)} (${event.event.replaceAll("_", " ")})` };
}

const TITLES = { session: "This visit", viewed: "Viewed", cart: "In the cart", bought: "Bought", dismissed: "Not interested in" };

function signals(signals, titleOf, now) {
  return Object.entries(signals).map(([name, { explain, value }]) => {
    const words = name === "session" ? visit(value, titleOf, now) : items(value, titleOf);
    return words && { title: TITLES[name] ?? name.replaceAll("_", " "), why: explain, words };
  });
}

function visit(session, titleOf, now) {
  if (!session.events) return null;
  const steps = session.steps.slice(-3).map((step) => `${VERBS[step.event] ?? step.event} ${titleOf(step.item_id)}`);
  const state = session.closed ? "ended" : "last click";
  return `${many(session.events, "event")}, ${state} ${ago(now - session.last_at)}${steps.length ? `. Lately you ${list(steps)}.` : "."}`;
}

function items(value, titleOf) {
  const ids = Array.isArray(value.items) ? value.items.map((one) => one.item_id) : Object.keys(value.items ?? {}).reverse();
  if (ids.length === 0) return null;
  const more = ids.length - SHOWN;
  return list([...ids.slice(0, SHOWN).map(titleOf), ...(more > 0 ? [`${more} more`] : [])]);
}

function concluded(inferred) {
  const categories = (inferred.categories_of_the_profile ?? []).map(({ category }) => category);
  const intent = inferred.models?.intent;
  return [
    categories.length > 0 && { title: "What you care about", why: "Concluded from the items above; not stored.", words: list(categories) },
    intent && {
      title: "Will this visit end in a purchase?",
      why: `${intent.explain} Concluded from this visit by a model that learnt from ${intent.learnt} examples; not stored.`,
      words: `${Math.round(intent.probability * 100)} % likely`,
    },
  ];
}

function technical({ profile, session_vector: vector, customer }) {
  const recent = Object.keys(profile?.recent ?? {}).length;
  return [
    customer && { title: "Your account", why: "So that your devices know of each other.", words: "This browser belongs to your account (under a pseudonym)." },
    vector && { title: "A place among titles", why: vector.explain, words: `${vector.values.length} numbers` },
    recent > 0 && { title: "Marks of events", why: "So that no event counts twice.", words: `${recent} of the last day` },
  ];
}

function records({ events, decisions, dead_letters: dead }) {
  const total = events.length + decisions.length + dead.length;
  const broken = dead.length > 0 && `${many(dead.length, "event")} that could not be read`;
  const words = list([many(events.length, "event"), `${many(decisions.length, "answer")} made for you`, broken].filter(Boolean));
  return total > 0 && { title: "Raw records", why: "The log that everything above is made from; it ends by age.", words };
}
