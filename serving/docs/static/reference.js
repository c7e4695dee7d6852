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

fetch("/openapi.json").then((answer) => answer.json()).then((spec) => {
  // What each event name needs is a guide of its own; worked out here, it would take the browser most of a minute.
  delete spec.components.schemas.event.allOf;
  SwaggerUIBundle({ ...options, spec });
});
