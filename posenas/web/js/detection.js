// Boxes of people from what a detector makes of a whole image: the codec CenterBox.

import { cropToImage, overlap } from './geometry.js';

const f32 = Math.fround;

/** Tell whether a pixel is as high as all its neighbours. */
function isPeak(heat, width, height, x, y) {
  for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
    for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
      if (heat[v * width + u] > heat[y * width + x]) return false;
    }
  }
  return true;
}

/** Return {box, score} of each peak, best first, in pixels of the input. */
export function decodeBoxes({ data, dims }, codec, threshold) {
  const [, , height, width] = dims;
  const size = width * height;
  const at = (channel, i) => data[channel * size + i];
  const heat = Float32Array.from({ length: size }, (_, i) =>
    [0, 1, 2, 3, 4].every((channel) => Number.isFinite(at(channel, i))) ? at(0, i) : 0,
  );
  const found = [];
  for (let i = 0; i < size; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (heat[i] > threshold && isPeak(heat, width, height, x, y)) {
      const [u, v] = [x * codec.stride, y * codec.stride];
      const box = [u - at(1, i), v - at(2, i), u + at(3, i), v + at(4, i)].map(f32);
      found.push({ box, score: heat[i] });
    }
  }
  found.sort((a, b) => b.score - a.score);
  const kept = [];
  for (const each of found.slice(0, codec.max_people)) {
    if (kept.every(({ box }) => overlap(box, each.box) <= codec.nms_thr)) kept.push(each);
  }
  return kept;
}

/** Carry boxes of the input back to the image, within which they are cut. */
export function placeBoxes(found, matrix, { width, height }) {
  const clip = ([x, y]) => [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  return found.map(({ box: [x1, y1, x2, y2], score }) => ({
    box: [[x1, y1], [x2, y2]].flatMap((corner) => clip(cropToImage(corner, matrix))),
    score,
  }));
}
