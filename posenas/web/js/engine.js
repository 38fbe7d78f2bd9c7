// The two networks in ONNX Runtime Web, from an image to people.

import { decode, flipBack } from './codecs.js';
import { decodeBoxes, placeBoxes } from './detection.js';
import { cropToImage, findCropMatrix, letterbox, mirror, normalise, warpImage } from './geometry.js';

/** Crops that go through the pose network at once; mirror images come on top. */
const BATCH_SIZE = 8;

/** Fetch a file that must have the given hash, where one is given. */
async function fetchFile(address, integrity) {
  const wish = integrity ? { integrity, mode: 'cors', credentials: 'omit' } : {};
  const answer = await fetch(address, wish).catch((error) => {
    throw new Error(`${address} cannot be had, or is not the file that this page was made for (${error.message})`);
  });
  if (!answer.ok) throw new Error(`${address} cannot be had: ${answer.status}`);
  return answer.arrayBuffer();
}

/** Load ONNX Runtime Web; its files are executed only after their hashes are checked. */
async function loadRuntime({ script, wasm }, base) {
  const [code, binary] = await Promise.all(
    [script, wasm].map((file) => fetchFile(new URL(file.address, base), file.integrity)),
  );
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const ort = await import(address);
  ort.env.wasm.wasmBinary = binary;
  ort.env.wasm.numThreads = self.crossOriginIsolated
    ? Math.min(navigator.hardwareConcurrency, 4)
    : 1;
  ort.env.logLevel = 'error';
  return ort;
}

/** A network in the runtime. */
class Network {
  constructor(ort, session, description) {
    Object.assign(this, { ort, session, description });
    const [width, height] = description.crop.input_size;
    this.dims = [3, height, width];
    this.size = 3 * width * height;
  }

  static async open(ort, { file, description }, base) {
    const content = await fetchFile(new URL(file, base));
    const session = await ort.InferenceSession.create(content, {
      executionProviders: ['wasm'],
      logSeverityLevel: 3,
    });
    return new Network(ort, session, description);
  }

  /** Return the outputs {data, dims} for a batch of normalised images. */
  async run(batch) {
    const dims = [batch.length / this.size, ...this.dims];
    const images = new this.ort.Tensor('float32', batch, dims);
    const made = await this.session.run({ [this.session.inputNames[0]]: images });
    return this.description.output_names.map((name) => {
      const { data, dims: shape } = made[name];
      return { data, dims: shape };
    });
  }

  /** As run; averaged with what the network makes of the mirrored images. */
  async runTwice(batch) {
    const { codec, skeleton, flip } = this.description;
    const outputs = await this.run(batch);
    const mirrored = await this.run(mirror(batch, this.dims[2]));
    const flipped = flipBack(mirrored, codec, skeleton.flip_indices, flip);
    return outputs.map(({ data, dims }, i) => ({
      data: data.map((value, at) => Math.fround(value + flipped[i].data[at]) * 0.5),
      dims,
    }));
  }
}

/** Finds people and their keypoints in images. */
export class Engine {
  constructor(ort, pose, detector) {
    Object.assign(this, { pose, detector, threads: ort.env.wasm.numThreads });
  }

  static async open(settings, base) {
    const ort = await loadRuntime(settings.runtime, base);
    const pose = await Network.open(ort, settings.pose, base);
    const detector = settings.detector && (await Network.open(ort, settings.detector, base));
    return new Engine(ort, pose, detector);
  }

  /** Return {box, score} of the people in an image, RGBA. */
  async detect(image, threshold) {
    const { crop, codec, normalisation } = this.detector.description;
    const { canvas, matrix } = letterbox(image, crop.input_size, crop.pad_value);
    const batch = new Float32Array(this.detector.size);
    normalise(canvas, normalisation, batch, 0);
    const outputs = await this.detector.run(batch);
    const found = placeBoxes(decodeBoxes(outputs, codec, threshold), matrix, image);
    return found.filter(({ box: [x1, y1, x2, y2] }) => x2 > x1 && y2 > y1);
  }

  /** Return a list of {point, score} for each box; points are image pixels. */
  async findKeypoints(image, boxes, flipTest) {
    const { crop, codec, normalisation, keypoint_indices: kept } = this.pose.description;
    const people = [];
    for (let first = 0; first < boxes.length; first += BATCH_SIZE) {
      const matrices = boxes.slice(first, first + BATCH_SIZE).map((box) => findCropMatrix(box, crop));
      const batch = new Float32Array(matrices.length * this.pose.size);
      matrices.forEach((matrix, i) => {
        normalise(warpImage(image, matrix, crop.input_size), normalisation, batch, i * this.pose.size);
      });
      const outputs = await (flipTest ? this.pose.runTwice(batch) : this.pose.run(batch));
      matrices.forEach((matrix, i) => {
        const found = decode(outputs, codec, i);
        const chosen = kept ? kept.map((index) => found[index]) : found;
        people.push(chosen.map(({ point, score }) => ({ point: cropToImage(point, matrix), score })));
      });
    }
    return people;
  }

  /**
   * Look at an image.
   * @param {{data: Uint8ClampedArray, width: number, height: number}} image RGBA
   * @param {number[][] | null} boxes given ones; without any, those of the detector, or the image
   * @param {{flipTest: boolean, boxThreshold: number}} options
   */
  async look(image, boxes, { flipTest, boxThreshold }) {
    const start = performance.now();
    let found = boxes?.map((box) => ({ box: box.map(Math.fround), score: 1 }));
    if (!found && this.detector) found = await this.detect(image, boxThreshold);
    found ??= [{ box: [0, 0, image.width, image.height], score: 1 }];
    const between = performance.now();
    const keypoints = await this.findKeypoints(image, found.map(({ box }) => box), flipTest);
    const end = performance.now();
    return {
      people: found.map(({ box, score }, i) => ({ box, score, keypoints: keypoints[i] })),
      seconds: { detect: (between - start) / 1000, keypoints: (end - between) / 1000 },
    };
  }
}
