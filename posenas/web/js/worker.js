// Runs the networks beside the page, which stays responsive. Answers each message by its number.

import { Engine } from './engine.js';

let engine = null;

const ACTIONS = {
  async open({ settings, base }) {
    engine = await Engine.open(settings, base);
    return { threads: engine.threads };
  },
  look: ({ image, boxes, options }) => engine.look(image, boxes, options),
};

self.addEventListener('message', async ({ data: { number, action, ...wish } }) => {
  try {
    self.postMessage({ number, answer: await ACTIONS[action](wish) });
  } catch (error) {
    self.postMessage({ number, error: String(error?.message ?? error) });
  }
});
