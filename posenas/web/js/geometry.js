// Boxes, crops and pixels, by the arithmetic of posenas.geometry: boxes in single precision,
// matrices in double, bilinear pixels rounded to the nearest even number.
// A matrix is {sx, sy, tx, ty}: crops are scaled and moved, never turned.

const f32 = Math.fround;

/** Round halves to the even neighbour, as NumPy and Python do. */
export function roundEven(value) {
  const rounded = Math.floor(value + 0.5);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Return a box (x1, y1, x2, y2) in whole pixels and one larger. */
function growToWholePixels([x1, y1, x2, y2]) {
  const [x, y] = [Math.trunc(x1), Math.trunc(y1)];
  return [x, y, x + Math.trunc(f32(x2 - x1)) + 1, y + Math.trunc(f32(y2 - y1)) + 1].map(f32);
}

/** Return the matrix from the image to the crop of a box, corners in image pixels. */
export function findCropMatrix(box, rule) {
  const corners = box.map(f32);
  const [x1, y1, x2, y2] = rule.whole_pixels ? growToWholePixels(corners) : corners;
  const [width, height] = rule.input_size;
  const [padding, aspect] = [f32(rule.padding), f32(width / height)];
  const [cx, cy] = [f32(f32(x1 + x2) * 0.5), f32(f32(y1 + y2) * 0.5)];
  const [boxWidth, boxHeight] = [f32(f32(x2 - x1) * padding), f32(f32(y2 - y1) * padding)];
  const cropWidth = Math.max(boxWidth, f32(boxHeight * aspect));
  const cropHeight = Math.max(boxHeight, f32(boxWidth / aspect));
  if (rule.use_udp) {
    const [sx, sy] = [(width - 1) / cropWidth, (height - 1) / cropHeight];
    return { sx, sy, tx: sx * (cropWidth * 0.5 - cx), ty: sy * (cropHeight * 0.5 - cy) };
  }
  const zoom = width / cropWidth;
  return { sx: zoom, sy: zoom, tx: width * 0.5 - zoom * cx, ty: height * 0.5 - zoom * cy };
}

/** Carry a point of a crop back to the image. */
export function cropToImage([x, y], { sx, sy, tx, ty }) {
  return [f32(x / sx - tx / sx), f32(y / sy - ty / sy)];
}

/** Return for each pixel of one axis of a crop the pixel before it and the share of the next. */
function findNeighbours(length, scale, shift) {
  const pixels = new Int32Array(length);
  const shares = new Float64Array(length);
  const inverse = 1 / scale;
  for (let i = 0; i < length; i++) {
    const place = i * inverse - inverse * shift;
    pixels[i] = Math.floor(place);
    shares[i] = place - pixels[i];
  }
  return [pixels, shares];
}

/**
 * Cut a crop out of an image, bilinear, black outside.
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image RGBA
 * @param {{sx: number, sy: number, tx: number, ty: number}} matrix from image to crop
 * @param {[number, number]} size width and height of the crop
 * @returns {Uint8Array} RGB, row by row
 */
export function warpImage(image, matrix, [width, height]) {
  const [columns, across] = findNeighbours(width, matrix.sx, matrix.tx);
  const [rows, along] = findNeighbours(height, matrix.sy, matrix.ty);
  const crop = new Uint8Array(width * height * 3);
  const read = (x, y, channel) =>
    x < 0 || y < 0 || x >= image.width || y >= image.height
      ? 0
      : image.data[4 * (y * image.width + x) + channel];
  for (let v = 0, at = 0; v < height; v++) {
    const [y, below] = [rows[v], along[v]];
    for (let u = 0; u < width; u++) {
      const [x, right] = [columns[u], across[u]];
      for (let channel = 0; channel < 3; channel++, at++) {
        const [a, b] = [read(x, y, channel), read(x, y + 1, channel)];
        const upper = a + right * (read(x + 1, y, channel) - a);
        const lower = b + right * (read(x + 1, y + 1, channel) - b);
        crop[at] = roundEven(upper + below * (lower - upper));
      }
    }
  }
  return crop;
}

/** List, for each pixel of a shorter axis, [pixel, share] of the pixels that it covers. */
function listCovered(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, Math.min((i + 1) * scale, from)];
    const parts = [];
    for (let pixel = Math.floor(start); pixel < end && pixel < from; pixel++) {
      const share = Math.min(pixel + 1, end) - Math.max(pixel, start);
      if (share > 1e-3) parts.push([pixel, share / (end - start)]);
    }
    return parts;
  });
}

/** List, for each pixel of a longer axis, [pixel, share] of the two that it lies between. */
function listBetween(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const pixel = Math.min(Math.floor(place), Math.max(from - 2, 0));
    const next = Math.min(pixel + 1, from - 1);
    return [[pixel, 1 - (place - pixel)], [next, place - pixel]];
  });
}

/** Fit a whole image into the upper left of a grey canvas; returns the RGB canvas and the matrix. */
export function letterbox(image, [width, height], grey) {
  const scale = Math.min(width / image.width, height / image.height);
  const inner = [image.width, image.height].map((side) => Math.max(roundEven(side * scale), 1));
  const list = scale < 1 ? listCovered : listBetween;
  const [columns, rows] = [list(image.width, inner[0]), list(image.height, inner[1])];
  const canvas = new Uint8Array(width * height * 3).fill(grey);
  const line = new Float64Array(image.width * 3);
  for (let v = 0; v < inner[1]; v++) {
    line.fill(0);
    for (const [row, share] of rows[v]) {
      const start = 4 * row * image.width;
      for (let x = 0, at = 0; x < image.width; x++) {
        for (let c = 0; c < 3; c++, at++) line[at] += share * image.data[start + 4 * x + c];
      }
    }
    for (let u = 0; u < inner[0]; u++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (const [column, share] of columns[u]) sum += share * line[3 * column + c];
        canvas[3 * (v * width + u) + c] = roundEven(sum);
      }
    }
  }
  const matrix = { sx: inner[0] / image.width, sy: inner[1] / image.height, tx: 0, ty: 0 };
  return { canvas, matrix };
}

/** Write RGB pixels as numbers, channel by channel, at the place ``start`` of a batch. */
export function normalise(pixels, { mean, std, order }, batch, start) {
  const count = pixels.length / 3;
  for (let channel = 0; channel < 3; channel++) {
    const source = order === 'rgb' ? channel : 2 - channel;
    const [low, width] = [f32(mean[channel]), f32(std[channel])];
    const levels = Float32Array.from({ length: 256 }, (_, level) => f32(level - low) / width);
    for (let i = 0; i < count; i++) {
      batch[start + channel * count + i] = levels[pixels[3 * i + source]];
    }
  }
}

/** Mirror a batch of images, ``width`` numbers a row, from left to right. */
export function mirror(batch, width) {
  const mirrored = new Float32Array(batch.length);
  for (let row = 0; row < batch.length; row += width) {
    for (let x = 0; x < width; x++) mirrored[row + x] = batch[row + width - 1 - x];
  }
  return mirrored;
}

/** Return intersection over union of two boxes. */
export function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const areas = [a, b].map(([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1));
  const union = areas[0] + areas[1] - shared;
  return union > 0 ? shared / union : 0;
}
