// From heatmaps to real-valued heatmap pixels, by the arithmetic of posenas.codecs.refine.
// A map is {data, width, height}; a pixel is [x, y], [-1, -1] where no value is positive.

/** OpenCV's Gaussians that are no samples of the curve, by their length. */
const SHORT_KERNELS = {
  1: [1],
  3: [0.25, 0.5, 0.25],
  5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
  7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
  9: [4, 13, 30, 51, 60, 51, 30, 13, 4].map((tap) => tap / 256),
};
const FLOAT_EPSILON = 2 ** -23;

/** Return OpenCV's Gaussian of an odd length, whose deviation follows from the length. */
export function makeKernel(length) {
  if (length in SHORT_KERNELS) return SHORT_KERNELS[length];
  const sigma = 0.3 * ((length - 1) * 0.5 - 1) + 0.8;
  const taps = Array.from({ length }, (_, i) =>
    Math.exp(-((i - (length - 1) / 2) ** 2) / (2 * sigma * sigma)),
  );
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / sum);
}

/** Find the first maximum, row by row. */
export function findMaximum({ data, width }) {
  let best = 0;
  for (let i = 1; i < data.length; i++) if (data[i] > data[best]) best = i;
  const pixel = data[best] > 0 ? [best % width, Math.floor(best / width)] : [-1, -1];
  return { pixel, value: data[best] };
}

/** Return an index inside of ``length``, mirrored at the outermost ones; -1 for a zero outside. */
function settle(index, length, isMirrored) {
  if (index >= 0 && index < length) return index;
  if (!isMirrored) return -1;
  if (length === 1) return 0;
  const period = 2 * length - 2;
  const folded = ((index % period) + period) % period;
  return folded < length ? folded : period - folded;
}

/** Blur along one axis: ``stride`` numbers from one to the next of ``length``. */
function blurAxis(data, length, stride, taps, isMirrored) {
  const made = new Float32Array(data.length);
  const radius = (taps.length - 1) / 2;
  for (let i = 0; i < data.length; i++) {
    const place = Math.floor(i / stride) % length;
    let sum = 0;
    for (let t = 0; t < taps.length; t++) {
      const source = settle(place + t - radius, length, isMirrored);
      if (source >= 0) sum += taps[t] * data[i + (source - place) * stride];
    }
    made[i] = sum;
  }
  return made;
}

/** Blur a map; outside of it are zeros, or its mirror image. */
export function blur(map, length, isMirrored) {
  const taps = makeKernel(length);
  const across = blurAxis(map.data, map.width, 1, taps, isMirrored);
  return { ...map, data: blurAxis(across, map.height, map.width, taps, isMirrored) };
}

/** Blur a map with zeros outside, then scale it to its former maximum. */
export function blurKeepingMaximum(map, length) {
  const blurred = blur(map, length, false);
  const [before, after] = [findMaximum(map).value, findMaximum(blurred).value];
  const scale = after > 0 ? before / after : 1;
  return { ...map, data: blurred.data.map((value) => value * scale) };
}

/** Return a function (dx, dy) of the values around a pixel; the border is repeated outside. */
export function lookAround({ data, width, height }, [x, y]) {
  const clip = (value, length) => Math.min(Math.max(value, 0), length - 1);
  return (dx, dy) => data[clip(y + dy, height) * width + clip(x + dx, width)];
}

/** Move a pixel by a quarter towards its larger neighbours; also says which axes were free. */
export function refineQuarter(map, pixel, generation) {
  const lasts = [map.width - 1, map.height - 1];
  const isFree = pixel.map((place, axis) => place > 1 && place < lasts[axis]);
  const allows = generation === '1.x' ? pixel.map((place) => place > 0) : isFree;
  const free = [isFree[0] && allows[1], isFree[1] && allows[0]];
  const at = lookAround(map, pixel);
  const slopes = [at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)];
  const moved = pixel.map((place, axis) => place + (free[axis] ? 0.25 * Math.sign(slopes[axis]) : 0));
  return { pixel: moved, free };
}

/** Return the step to the stationary point of a quadratic, none where there is no single one. */
function newtonStep([gx, gy], xx, yy, xy) {
  const determinant = xx * yy - xy * xy;
  const step = [(xy * gy - yy * gx) / determinant, (xy * gx - xx * gy) / determinant];
  return determinant !== 0 ? step.map((s) => (Number.isFinite(s) ? s : 0)) : [0, 0];
}

/** Move a pixel to the top of a Gaussian that is fitted to the blurred map (DARK). */
export function refineDark(map, pixel, length) {
  const lasts = [map.width - 2, map.height - 2];
  if (!pixel.every((place, axis) => place > 1 && place < lasts[axis])) return pixel;
  const smooth = lookAround(blurKeepingMaximum(map, length), pixel);
  const log = (dx, dy) => Math.log(Math.max(smooth(dx, dy), 1e-10));
  const center = log(0, 0);
  const step = newtonStep(
    [0.5 * (log(1, 0) - log(-1, 0)), 0.5 * (log(0, 1) - log(0, -1))],
    0.25 * (log(2, 0) - 2 * center + log(-2, 0)),
    0.25 * (log(0, 2) - 2 * center + log(0, -2)),
    0.25 * (log(1, 1) - log(1, -1) - log(-1, 1) + log(-1, -1)),
  );
  return [pixel[0] + step[0], pixel[1] + step[1]];
}

/** Refine as refineDark, with differences over one pixel and up to the border (UDP). */
export function refineUdpDark(map, pixel, length, generation) {
  if (pixel[0] < 0) return pixel;
  const blurred = generation === '1.x' ? blurKeepingMaximum(map, length) : blur(map, length, true);
  const smooth = lookAround(blurred, pixel);
  const log = (dx, dy) => Math.log(Math.min(Math.max(smooth(dx, dy), 1e-3), 50));
  const [center, left, right] = [log(0, 0), log(-1, 0), log(1, 0)];
  const [above, below] = [log(0, -1), log(0, 1)];
  const step = newtonStep(
    [0.5 * (right - left), 0.5 * (below - above)],
    right - 2 * center + left + FLOAT_EPSILON,
    below - 2 * center + above + FLOAT_EPSILON,
    0.5 * (log(-1, -1) + log(1, 1) + 2 * center - left - right - above - below),
  );
  return [pixel[0] + step[0], pixel[1] + step[1]];
}

/** Return how far the top of a parabola through the blurred bins lies before their maximum. */
export function findBinOffset(bins, sigma) {
  let length = Math.max(1, Math.floor((20 * sigma - 7) / 3));
  length -= 1 - (length % 2);
  const row = { data: bins, width: bins.length, height: 1 };
  const smooth = lookAround(blurKeepingMaximum(row, length), findBin(bins));
  const log = (step) => Math.log(Math.min(Math.max(smooth(step, 0), 1e-3), 50));
  return (log(1) - log(-1)) / 2 / (1e-9 + (log(2) - 2 * log(0) + log(-2)) / 4);
}

/** Return [place, 0] of the first maximum of bins, whatever its value. */
export function findBin(bins) {
  let best = 0;
  for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  return [best, 0];
}
