// What decodes the outputs of a pose network: the codecs of posenas.codecs, by their names.
// An output is {data, dims}: numbers of a batch and their shape, people first.

import {
  blur,
  blurKeepingMaximum,
  findBin,
  findBinOffset,
  findMaximum,
  lookAround,
  refineDark,
  refineQuarter,
  refineUdpDark,
} from './heatmaps.js';

const f32 = Math.fround;
const isFinite = (data) => data.every(Number.isFinite);

/** Return the maps of one group of channels, zero where one number is not finite. */
function takeMaps({ data, dims }, person, group, channels) {
  const [, count, height, width] = dims;
  const [size, start] = [width * height, (person * count + group * channels) * width * height];
  const isBroken = !isFinite(data.subarray(start, start + channels * size));
  return Array.from({ length: channels }, (_, i) => ({
    width,
    height,
    data: isBroken
      ? new Float32Array(size)
      : data.subarray(start + i * size, start + (i + 1) * size),
  }));
}

const LOCATE = {
  MSRAHeatmap([map], codec) {
    const { pixel, value } = findMaximum(map);
    const auto = codec.unbiased ? 'dark' : 'quarter';
    const refine = codec.refine === 'auto' ? auto : codec.refine;
    if (refine === 'dark') return [refineDark(map, pixel, codec.blur_kernel_size), value];
    if (refine !== 'quarter') return [pixel, value];
    return [refineQuarter(map, pixel, codec.generation).pixel, value];
  },
  MegviiHeatmap([map], codec) {
    const blurred = blurKeepingMaximum(map, codec.kernel_size);
    const { pixel, value } = findMaximum(blurred);
    const refined = refineQuarter(blurred, pixel, '0.x');
    const moved = refined.pixel.map((place, axis) => place + (refined.free[axis] ? 0.5 : 0));
    return [moved, f32(f32(value / 255) + 0.5)];
  },
  PNFSHeatmap([map], codec, stride) {
    const { pixel, value } = findMaximum(map);
    const inside = pixel.map((place) => Math.max(place, 0));
    const refined = refineQuarter(map, inside, 'hrnet').pixel;
    return [refined.map((place, axis) => place + 0.5 / stride[axis]), value];
  },
  UDPHeatmap([map, ...offsets], codec) {
    const [length, generation] = [codec.blur_kernel_size, codec.generation];
    if (codec.heatmap_type === 'gaussian') {
      const { pixel, value } = findMaximum(map);
      return [refineUdpDark(map, pixel, length, generation), value];
    }
    const { pixel, value } = findMaximum(blur(map, 2 * length + 1, true));
    if (pixel[0] < 0) return [pixel, value];
    const radius = codec.radius_factor * Math.max(...codec.heatmap_size);
    const moved = offsets.map((offset, axis) => {
      const smooth = generation === '1.x' ? offset : blur(offset, length, true);
      return pixel[axis] + radius * lookAround(smooth, pixel)(0, 0);
    });
    return [moved, value];
  },
};

/** Decode heatmaps: crop pixels and score of each keypoint of one person. */
function decodeHeatmaps([heatmaps], codec, person) {
  const isUdp = codec.type === 'UDPHeatmap';
  const channels = isUdp && codec.heatmap_type === 'combined' ? 3 : 1;
  const less = isUdp ? 1 : 0; // first and last pixels of crop and heatmap coincide
  const stride = codec.input_size.map((side, i) => (side - less) / (codec.heatmap_size[i] - less));
  const generation = codec.type === 'PNFSHeatmap' ? 'hrnet' : codec.generation;
  return Array.from({ length: heatmaps.dims[1] / channels }, (_, group) => {
    const maps = takeMaps(heatmaps, person, group, channels);
    let [pixel, score] = LOCATE[codec.type](maps, codec, stride);
    if (generation === 'hrnet' && pixel[0] === -1 && pixel[1] === -1) pixel = [0, 0];
    return { point: pixel.map((place, axis) => f32(place * stride[axis])), score };
  });
}

/** Decode one vector of bins for each axis. */
function decodeSimCC(outputs, codec, person) {
  const sigmas = Array.isArray(codec.sigma) ? codec.sigma : [codec.sigma, codec.sigma];
  return Array.from({ length: outputs[0].dims[1] }, (_, keypoint) => {
    let axes = outputs.map(({ data, dims }) => {
      const start = (person * dims[1] + keypoint) * dims[2];
      return data.subarray(start, start + dims[2]);
    });
    if (!axes.every(isFinite)) axes = axes.map((bins) => new Float32Array(bins.length));
    const found = axes.map((bins) => findBin(bins)[0]);
    const score = Math.min(...axes.map((bins, axis) => bins[found[axis]]));
    const places = found.map((bin, axis) => {
      if (score <= 0) return -1;
      return codec.use_dark ? bin - findBinOffset(axes[axis], sigmas[axis]) : bin;
    });
    return { point: places.map((place) => f32(place / codec.simcc_split_ratio)), score };
  });
}

/** Decode coordinates, shares of the crop, with or without their deviations. */
function decodeRegression([{ data, dims }], codec, person) {
  const [, count, size] = dims;
  return Array.from({ length: count }, (_, keypoint) => {
    const start = (person * count + keypoint) * size;
    const values = data.subarray(start, start + size);
    if (!isFinite(values)) return { point: [0, 0], score: 0 };
    const score = size === 4 ? f32(1 - f32(f32(values[2] + values[3]) / 2)) : 1;
    return { point: codec.input_size.map((side, axis) => f32(values[axis] * side)), score };
  });
}

const isHeatmap = ({ type }) => type in LOCATE;
const DECODE = { SimCCLabel: decodeSimCC, RegressionLabel: decodeRegression };

/** Return {point, score} of each keypoint of one person, pixels of the crop. */
export function decode(outputs, codec, person) {
  return (isHeatmap(codec) ? decodeHeatmaps : DECODE[codec.type])(outputs, codec, person);
}

/** Call ``copy(to, from)`` for each row of ``size`` numbers, keypoints exchanged by ``sources``. */
function exchange({ data, dims }, sources, size, copy) {
  const made = new Float32Array(data.length);
  const rows = sources.length;
  for (let row = 0; row < data.length / size; row++) {
    const source = row - (row % rows) + sources[row % rows];
    copy(made.subarray(row * size), data.subarray(source * size, (source + 1) * size), row % rows);
  }
  return { data: made, dims };
}

/** Undo the mirroring of what a network makes of mirrored crops. */
export function flipBack(outputs, codec, flipIndices, options) {
  if (codec.type === 'SimCCLabel') {
    return outputs.map((output, axis) =>
      exchange(output, flipIndices, output.dims[2], (to, from) =>
        to.set(axis === 0 ? Float32Array.from(from).reverse() : from),
      ),
    );
  }
  if (codec.type === 'RegressionLabel') {
    const last = f32(1 - ((options.shift_coords ?? true) ? 1 / codec.input_size[0] : 0));
    return outputs.map((output) =>
      exchange(output, flipIndices, output.dims[2], (to, from) => {
        to.set(from);
        to[0] = last - from[0];
      }),
    );
  }
  const channels = options.flip_mode === 'udp_combined' ? 3 : 1;
  const sources = flipIndices.flatMap((index) =>
    Array.from({ length: channels }, (_, i) => index * channels + i),
  );
  return outputs.map((output) => flipHeatmaps(output, sources, channels, options.shift_heatmap));
}

function flipHeatmaps(output, sources, channels, isShifted) {
  const [, , height, width] = output.dims;
  const columns = Array.from({ length: width }, (_, x) => width - 1 - x);
  if (isShifted) columns.splice(0, width, columns[0], ...columns.slice(0, -1));
  return exchange(output, sources, width * height, (to, from, channel) => {
    const sign = channels === 3 && channel % 3 === 1 ? -1 : 1;
    for (let row = 0; row < from.length; row += width) {
      for (let x = 0; x < width; x++) to[row + x] = sign * from[row + columns[x]];
    }
  });
}
