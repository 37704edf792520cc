// What a reader is told where a small model does not come: for every widget that runs one in the page.
export const MODEL_FAILURES = {
  failures: {
    chunk: "A part of the model did not arrive.",
    broken: "The model's files arrived, but cannot be read.",
    nobody: "This page does not hold the model, and no kernel answers. Run the cell above again, or open the page in the book.",
    absent: "This page does not hold the model, and there is no kernel. Open it in the book, or save it anew with to_html().",
    kernel: "The kernel could not send the model.",
  },
  detail: (text) => ` It says: ${text}.`,
};
