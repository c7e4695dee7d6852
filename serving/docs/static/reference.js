/** Draws the API reference from this process's own document; nothing is asked of another host. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

const options = {
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  syntaxHighlight: { activated: false },
};

/** An event that is accepted as it stands: what “Try it out” begins with. */
const example = () => ({
  event_id: `try-${Date.now()}`,
  event: "view_item",
  occurred_at: Date.now(),
  visitor_id: "visitor-1",
  consent: { analytics: true, personalization: true },
  items: [{ item_id: "sku-1" }],
});

fetch("/openapi.json").then((answer) => answer.json()).then((spec) => {
  // What each event name needs is a guide of its own; worked out here, it would take the browser most of a minute.
  delete spec.components.schemas.event.allOf;
  spec.paths["/v1/events"].post.requestBody.content["application/json"].example = example();
  SwaggerUIBundle({ ...options, spec });
});
