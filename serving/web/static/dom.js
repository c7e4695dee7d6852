/** Elements without markup: what comes from data goes in as text, and links and pictures only with http or https. */

/** An element with attributes, listeners (`onclick: …`) and children; strings become text, null and false nothing. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An absolute http or https address, or null. */
export function webAddress(value) {
  if (typeof value !== "string" || value === "") return null;
  try {
    const address = new URL(value, location.href);
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

/** A picture of an item, or a plain tile with its first letter where there is none or it doesn't load. */
export function picture(item, size) {
  const tile = () => h("span", { class: "picture picture-none", "aria-hidden": "true" }, (item.title ?? "?").slice(0, 1));
  const address = webAddress(item.image_url);
  if (!address) return tile();
  const image = h("img", {
    class: "picture", src: address, alt: "", width: size, height: size, loading: "lazy", decoding: "async",
    referrerpolicy: "no-referrer",
  });
  image.addEventListener("error", () => image.replaceWith(tile()), { once: true });
  return image;
}
