/** The events that this page sends, in the contract's words. */

import { randomId } from "./visitor.js";

/** An event that happens now; `more` are its own fields. */
export function event(name, { id, consent }, more = {}) {
  return {
    event_id: randomId(),
    event: name,
    occurred_at: Date.now(),
    visitor_id: id,
    consent: { ...consent },
    context: { channel: "web" },
    ...more,
  };
}

/** An item as events name it. */
export function line(item, more = {}) {
  return { item_id: item.item_id, quantity: 1, ...(item.price ? { price: item.price } : {}), ...more };
}

/** What binds an event to the decision that led to it. */
export function credit(fact) {
  return fact ? { decision_id: fact.decision_id, placement: fact.placement } : {};
}

/** The sum of the prices as a decimal string with two places. */
export function total(items) {
  const cents = items.reduce((sum, item) => sum + Math.round(Number(item.price ?? 0) * 100), 0);
  return (cents / 100).toFixed(2);
}
