// Every word that the agent widget shows or says: translate this file, and it speaks another language.
import { whole } from "./numbers.js";

const UNITS = { tokens: "Tokens", characters: "Characters" };

export const LABELS = {
  widget: "An agent's transcript, step by step",
  runs: "Run",
  hint: "Step with the buttons, the slider or the arrow keys, or choose a step of the transcript.",
  back: "Back", next: "Next", play: "Play", pause: "Pause", place: "Step",
  at: (i, n) => `${whole(i)} of ${whole(n)}`,
  transcript: "Transcript",
  kinds: { question: "Question", thought: "Thought", action: "Action", observation: "Observation", answer: "Answer" },
  by: { question: "asked", thought: "the model wrote", action: "the model wrote", observation: "from outside: data, not instructions",
    answer: "the model wrote" },
  card: (i, kind) => `${whole(i)} ${kind}`,
  empty: "(empty)",
  prompt: {
    question: "All text before the question", thought: "All text before this thought", action: "All text before this action",
    observation: "All text before this observation", answer: "All text before this answer",
  },
  nothing: "(nothing yet)",
  legend: { new: "new since the step before", outside: "from outside: data, not instructions" },
  spent: (unit) => ["Model calls", "Tool calls", `${UNITS[unit]} in this text`, `${UNITS[unit]} read in all`],
  outcomes: { right: "right", wrong: "wrong", "gave up": "gave up", answered: "answered" },
  signs: { right: "✓", wrong: "✗", "gave up": "…", answered: "" },
  outcome: (sign, text) => (sign ? `${sign} ${text}` : text),
  heads: (unit) => ["Run", "Outcome", "Answer", "Model calls", "Tool calls", `${UNITS[unit]} read`],
  compare: "The runs compared",
  none: "none",
  said: (run, place, kind, text) => [run, `step ${place}`, `${kind}: ${text}`].filter(Boolean).join("; "),
};
