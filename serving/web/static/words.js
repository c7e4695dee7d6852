/** What the page says: times, money, reasons and statuses in plain words. Pure functions, no document. */

const VERBS = {
  view_item: ["viewed", ""],
  select_item: ["picked", ""],
  add_to_cart: ["put", " in the cart"],
  add_to_wishlist: ["saved", ""],
  purchase: ["bought", ""],
};

/** "14 ms ago", "3 s ago", "5 min ago", "2 h ago", "4 days ago". */
export function ago(ms) {
  const passed = Math.max(0, ms);
  if (passed < 1000) return `${Math.round(passed)} ms ago`;
  if (passed < 60_000) return `${Math.floor(passed / 1000)} s ago`;
  if (passed < 3_600_000) return `${Math.floor(passed / 60_000)} min ago`;
  if (passed < 86_400_000) return `${Math.floor(passed / 3_600_000)} h ago`;
  const days = Math.floor(passed / 86_400_000);
  return days === 1 ? "1 day ago" : `${days} days ago`;
}

/** An amount given as a decimal string, with its currency; empty when there is no price. */
export function money(price, currency) {
  if (price === null || price === undefined || price === "") return "";
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).format(price);
  } catch {
    return `${price} ${currency ?? ""}`.trim();
  }
}

/** "a", "a and b", "a, b and c". */
export function list(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/**
 * Why an item is on the shelf, as pieces to be drawn: strings, `{title}` and `{ago: milliseconds}`.
 * The shopper's own events come first (at most two, and an item once); without any, what the recommender can truly say.
 */
export function reason(item, titleOf) {
  const told = (item.because ?? []).filter((cause) => cause.event in VERBS && cause.item_id);
  const causes = told.filter((cause, place) => told.findIndex((one) => one.item_id === cause.item_id) === place).slice(0, 2);
  if (causes.length === 0) return [impersonal(item)];
  const pieces = ["because you "];
  causes.forEach((cause, place) => {
    const [verb, rest] = VERBS[cause.event];
    const same = place > 0 && cause.event === causes[place - 1].event;
    if (place > 0) pieces.push(" and ");
    if (!same) pieces.push(`${verb} `);
    const own = cause.item_id === item.item_id;
    pieces.push(own ? "this" : { title: titleOf(cause.item_id) ?? "an item" }, `${rest} `);
    pieces.push({ ago: (cause.seconds_ago ?? 0) * 1000 });
  });
  return pieces;
}

const WITHOUT_A_CAUSE = {
  session_table: "where others go from here",
  category_popular: "popular in its category",
  nearest: "similar in kind",
  popular: "popular right now",
  newest: "new in the shop",
  viewed: "you looked at it lately",
};

function impersonal(item) {
  return WITHOUT_A_CAUSE[item.recommender] ?? "chosen by the shop";
}

const STATUSES = {
  ok: { tone: "live", words: "Live." },
  fallback: { tone: "plain", words: "Popular with everyone: your own clicks don't say enough yet." },
  insufficient_data: { tone: "plain", words: "Not enough to go on yet. Open an item or two." },
  no_consent: { tone: "plain", words: "Not personal, unless you allow more." },
  control: { tone: "plain", words: "Plain on purpose: this visit belongs to a comparison group." },
  degraded: { tone: "warn", words: "A part of the system is away or slow: this is the best still known." },
};

/** The tone and the words of a decision's status. */
export function status(name) {
  return STATUSES[name] ?? { tone: "plain", words: `Status: ${name}.` };
}

/** What the answer knows of the visitor, as pieces like those of `reason`; empty when it knows nothing. */
export function freshness(answer, { clicked, now = Date.now() }) {
  const fresh = answer.fresh_to;
  const age = ageOf(fresh, now);
  if (answer.status === "no_consent" || answer.status === "degraded" || age === null) return [];
  if (fresh.met === false) return ["Your last click is not in yet; it knows you up to ", { ago: age }, "."];
  return [clicked ? "Knows your click of " : "Knows your visit up to ", { ago: age }, "."];
}

function ageOf(fresh, now) {
  if (!fresh) return null;
  if (Number.isFinite(fresh.lag_ms)) return fresh.lag_ms;
  const at = typeof fresh.occurred_at === "string" ? Date.parse(fresh.occurred_at) : fresh.occurred_at;
  return Number.isFinite(at) ? now - at : null;
}
