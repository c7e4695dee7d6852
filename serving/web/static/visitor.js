/**
 * Who is asked about, and what they allowed.
 *
 * The id is 128 random bits. It is stored only while analytics or personalization is allowed; otherwise it lives in
 * memory, is sent with no event, and is another one after each load. The choice itself is stored, so that nobody is
 * asked twice; so is the cart, which somebody filled on purpose.
 */

const CONSENT = "liveshelf.consent";
const VISITOR = "liveshelf.visitor";
const WITHDRAWALS = "liveshelf.withdrawals";
const CART = "liveshelf.cart";
const OBJECTS = "liveshelf.objects";

export const PURPOSES = ["analytics", "personalization", "marketing"];
export const NOTHING = Object.freeze({ analytics: false, personalization: false, marketing: false });
export const EVERYTHING = Object.freeze({ analytics: true, personalization: true, marketing: true });

/** 128 random bits in hex; works outside secure contexts, too. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** localStorage as JSON; where it is blocked, reading gives null and writing is forgotten. */
class Memory {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  write(key, value) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {
      return;
    }
  }
}

export class Visitor {
  #memory = new Memory();

  constructor() {
    const kept = this.#memory.read(CONSENT);
    this.consent = kept && PURPOSES.every((purpose) => typeof kept[purpose] === "boolean") ? kept : null;
    const id = this.remembered ? this.#memory.read(VISITOR) : null;
    this.id = typeof id === "string" && /^[0-9a-f]{32}$/.test(id) ? id : randomId();
    this.#save();
  }

  /** Whether events may be sent and the id be kept. */
  get remembered() {
    return Boolean(this.consent?.analytics || this.consent?.personalization);
  }

  get personal() {
    return Boolean(this.consent?.personalization) && !this.objects;
  }

  /** Whether somebody objects to profiling in this browser: requests then say so, whatever is allowed. */
  get objects() {
    return this.#memory.read(OBJECTS) === true;
  }

  set objects(objects) {
    this.#memory.write(OBJECTS, objects || null);
  }

  /**
   * Take a choice. The answer is the id whose choice the shop has to be told, or null when it knows nothing that
   * could change: after a withdrawal that is the old id, while this page already goes on under a new one.
   */
  choose(consent) {
    const before = this.remembered;
    const id = this.id;
    this.consent = { ...consent };
    if (before && !this.remembered) this.id = randomId();
    this.#save();
    return before || this.remembered ? id : null;
  }

  #save() {
    this.#memory.write(CONSENT, this.consent);
    this.#memory.write(VISITOR, this.remembered ? this.id : null);
  }

  /** Withdrawals that the shop has not acknowledged yet; they are told again at the next load. */
  get withdrawals() {
    return this.#memory.read(WITHDRAWALS) ?? [];
  }

  set withdrawals(events) {
    this.#memory.write(WITHDRAWALS, events.length ? events : null);
  }

  get cart() {
    const kept = this.#memory.read(CART);
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  }

  set cart(ids) {
    this.#memory.write(CART, ids.length ? ids : null);
  }

  /** Call `changed` when another tab takes a choice. */
  watch(changed) {
    addEventListener("storage", (event) => event.key === CONSENT && changed());
  }
}
