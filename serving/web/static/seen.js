/**
 * Impressions: an item counts as seen once half of it was on a visible page for a second, once a decision.
 * What is seen within a moment goes out together.
 */

const SHARE = 0.5;
const DWELL_MS = 1000;
const GATHER_MS = 300;

export class Seen {
  #observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.#moved(entry)), { threshold: SHARE });
  #facts = new Map();
  #timers = new Map();
  #reported = new Set();
  #gathered = [];
  #sending = null;
  #report;

  /** `report(facts)` is called with `{decision_id, placement, item_id, index}`, all of one decision. */
  constructor(report) {
    this.#report = report;
    addEventListener("pagehide", () => this.#flush());
    document.addEventListener("visibilitychange", () => this.#turned());
  }

  /** Watch an element as the fact that its item was shown; a new fact for the element replaces the old one. */
  watch(element, fact) {
    this.leave(element);
    this.#facts.set(element, fact);
    this.#observer.observe(element);
  }

  leave(element) {
    this.#observer.unobserve(element);
    this.#facts.delete(element);
    this.#stop(element);
  }

  #moved({ target, isIntersecting, intersectionRatio }) {
    if (isIntersecting && intersectionRatio >= SHARE) this.#begin(target);
    else this.#stop(target);
  }

  #begin(element) {
    if (this.#timers.has(element) || document.hidden) return;
    this.#timers.set(element, setTimeout(() => this.#gather(element), DWELL_MS));
  }

  #stop(element) {
    clearTimeout(this.#timers.get(element));
    this.#timers.delete(element);
  }

  /** A hidden page shows nothing; when it comes back, every second starts anew. */
  #turned() {
    for (const element of this.#facts.keys()) {
      this.#stop(element);
      this.#observer.unobserve(element);
      if (!document.hidden) this.#observer.observe(element);
    }
    if (document.hidden) this.#flush();
  }

  #gather(element) {
    const fact = this.#facts.get(element);
    this.#stop(element);
    if (!fact) return;
    const name = `${fact.decision_id} ${fact.item_id}`;
    if (this.#reported.has(name)) return;
    this.#reported.add(name);
    this.#gathered.push(fact);
    this.#sending ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush() {
    clearTimeout(this.#sending);
    this.#sending = null;
    const byDecision = Map.groupBy(this.#gathered.splice(0), (fact) => fact.decision_id);
    for (const facts of byDecision.values()) this.#report(facts);
  }
}
