// Boxes of people from what a detector makes of a whole image: the codec CenterBox.

import { cropToImage, overlap } from './geometry.js';

const f32 = Math.fround;
// As in the codec.
const SAME_PERSON = 0.5;
const LEAST_SIDE_IN_HALF = 64;

/** Tell whether a pixel is as high as all its neighbours. */
function isPeak(heat, width, height, x, y) {
  for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
    for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
      if (heat[v * width + u] > heat[y * width + x]) return false;
    }
  }
  return true;
}

/** Average the box of a peak with those of the pixels beside it that are of the same person. */
function vote(place, heat, width, height, x, y) {
  const own = place(x, y);
  const sums = [0, 0, 0, 0];
  let total = 0;
  for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
    for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
      const box = place(u, v);
      const weight = overlap(own, box) > SAME_PERSON ? heat[v * width + u] : 0;
      box.forEach((side, i) => (sums[i] += weight * side));
      total += weight;
    }
  }
  return total > 0 ? sums.map((sum) => f32(sum / total)) : own;
}

/** Return {box, score} of each peak of the maps of one copy of an image. */
function readPeaks({ data, dims }, codec, threshold) {
  const [, , height, width] = dims;
  const size = width * height;
  const isGood = Array.from({ length: size }, (_, i) =>
    [0, 1, 2, 3, 4].every((channel) => Number.isFinite(data[channel * size + i])),
  );
  const at = (channel, i) => (isGood[i] ? data[channel * size + i] : 0);
  const heat = Float32Array.from({ length: size }, (_, i) => at(0, i));
  const place = (x, y) => {
    const [u, v, i] = [x * codec.stride, y * codec.stride, y * width + x];
    return [u - at(1, i), v - at(2, i), u + at(3, i), v + at(4, i)].map(f32);
  };
  const found = [];
  for (let i = 0; i < size; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (heat[i] > threshold && isPeak(heat, width, height, x, y)) {
      found.push({ box: vote(place, heat, width, height, x, y), score: heat[i] });
    }
  }
  return found;
}

/** Return {box, score} of the people in maps of an image and of its copy of half the size, if any. */
export function decodeBoxes([maps, halfMaps], codec, threshold) {
  const found = readPeaks(maps, codec, threshold);
  for (const { box, score } of halfMaps ? readPeaks(halfMaps, codec, threshold) : []) {
    const [x1, y1, x2, y2] = box.map((side) => 2 * side + 0.5);
    const isLarge = Math.sqrt((x2 - x1) * (y2 - y1)) >= LEAST_SIDE_IN_HALF;
    if (isLarge) found.push({ box: [x1, y1, x2, y2], score });
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
