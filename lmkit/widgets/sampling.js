// What a sampler does to a next-token distribution, and a recorded generation step by step: two views of one widget.
import { h, rootElement } from "./base.js";
import { LABELS } from "./sampling_labels.js";
import { renderDistribution } from "./sampling_distribution.js";
import { renderGeneration } from "./sampling_generation.js";

async function render({ model, el }) {
  const title = model.get("title");
  const heading = title ? h("p", { className: "lmkit-title" }, title) : null;
  const root = rootElement("section", "lmkit-sampling", title || LABELS.candidatesList, heading);
  el.append(root);
  return model.get("kind") === "generation" ? renderGeneration(model, root) : renderDistribution(model, root);
}

export default { render };
