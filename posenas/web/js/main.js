// The page: what the buttons do, and the way from a photo, a video or the camera to people.

import { BoxDrawing } from './box_drawing.js';
import { Looker } from './looker.js';
import { Records } from './records.js';
import { View } from './view.js';

const get = (id) => document.getElementById(id);
const looker = new Looker();
const view = new View(get('canvas'));
const player = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
const drawing = new BoxDrawing(get('canvas'), redraw, () => player.srcObject || player.src || lookAtPhoto());

let settings;
let records;
let people = [];
/** Number of what is open; answers about what was open before are dropped. */
let turn = 0;
/** What frames wait for while the user holds them, and what lets them go on. */
let held = Promise.resolve();
let goOn = null;

const say = (text, isBad = false) => {
  get('status').textContent = text;
  get('status').classList.toggle('bad', isBad);
};
const duration = (seconds) =>
  seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`;
const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function readOptions(isPhoto) {
  return {
    flipTest: isPhoto && get('flip').checked,
    boxThreshold: Number(get('box-threshold').value),
    keypointThreshold: Number(get('keypoint-threshold').value),
    showBoxes: get('show-boxes').checked,
    drawn: drawing.boxes,
  };
}

function redraw() {
  view.draw(people, settings.pose.description.shown, readOptions(false));
  get('clear').disabled = !drawing.boxes.length;
}

/** Look at the pixels of the picture; false where something else was opened meanwhile. */
async function look(pixels, isPhoto, time) {
  const mine = turn;
  const boxes = drawing.boxes.length ? drawing.boxes.map((box) => [...box]) : null;
  const found = await looker.look(pixels, boxes, readOptions(isPhoto));
  if (mine !== turn) return false;
  people = found.people;
  records.add(people, time);
  redraw();
  get('people').textContent = people.length;
  get('detect').textContent = boxes ? '–' : duration(found.seconds.detect);
  get('keypoints').textContent = duration(found.seconds.keypoints);
  get('canvas').setAttribute('aria-label', `Picture with ${count(people.length, 'person', 'people')}`);
  get('json').disabled = get('png').disabled = false;
  return true;
}

/** Let a video that the user holds go on. */
function release() {
  goOn?.();
  goOn = null;
}

/** Close what is open, and get ready for something new. */
function open(isVideo) {
  turn += 1;
  people = [];
  release();
  drawing.clear();
  records.clear(isVideo);
  player.pause();
  player.srcObject?.getTracks().forEach((track) => track.stop());
  player.srcObject = null;
  if (player.src) URL.revokeObjectURL(player.src);
  player.removeAttribute('src');
  get('playing').hidden = !isVideo;
  get('pause').textContent = 'Pause';
  for (const id of ['rate', 'people', 'detect', 'keypoints']) get(id).textContent = '–';
  return turn;
}

function show() {
  get('canvas').hidden = false;
  get('canvas').dataset.ready = true;
  get('empty').hidden = true;
  get('stage').classList.add('open');
  get('add').disabled = false;
}

async function openPhoto(file) {
  const mine = open(false);
  say(`Reading ${file.name} …`);
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none' }).catch(() => null);
  if (mine !== turn) return;
  if (!bitmap) {
    say(`${file.name} is no picture that this browser reads.`, true);
    return;
  }
  view.take(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  show();
  redraw();
  await lookAtPhoto(file.name);
}

async function lookAtPhoto(name) {
  const { width, height } = get('canvas');
  say('Looking …');
  const start = performance.now();
  const isMine = await guard(look(view.source.getImageData(0, 0, width, height), true, 0));
  if (!isMine) return;
  get('rate').textContent = (1000 / (performance.now() - start)).toFixed(1);
  say(`${name ? `${name}: ` : ''}${count(people.length, 'person', 'people')} in ${width} × ${height} pixels.`);
}

/** Wait for the next frame of the video, or for its end; resolves to its time in seconds. */
function nextFrame() {
  return new Promise((resolve) => {
    player.addEventListener('ended', () => resolve(player.currentTime), { once: true });
    if (player.requestVideoFrameCallback) {
      player.requestVideoFrameCallback((_, { mediaTime }) => resolve(mediaTime));
    } else {
      requestAnimationFrame(() => resolve(player.currentTime));
    }
  });
}

/** Look at one frame after another; a file waits meanwhile, so that few frames are passed over. */
async function follow(name, isFile) {
  const mine = turn;
  let [number, rate, last, lastTime] = [0, 0, performance.now(), -1];
  while (mine === turn && !player.ended) {
    await held;
    if (mine !== turn) return;
    if (player.paused) await player.play();
    const time = await nextFrame();
    if (mine !== turn) return;
    if (number && (time === lastTime || player.ended)) continue;
    if (isFile) player.pause();
    const pixels = view.take(player, player.videoWidth, player.videoHeight);
    show();
    if (!(await look(pixels, false, time))) return;
    const now = performance.now();
    rate = number ? 0.9 * rate + 100 / (now - last) : 1000 / (now - last);
    [last, lastTime] = [now, time];
    number += 1;
    get('rate').textContent = rate.toFixed(1);
    if (number % 10 === 1) say(`${name}: ${count(number, 'frame', 'frames')} looked at.`);
  }
  say(`${name}: ${count(number, 'frame', 'frames')} looked at, to the end.`);
  get('playing').hidden = true;
}

async function openVideo(file) {
  const mine = open(true);
  say(`Reading ${file.name} …`);
  player.src = URL.createObjectURL(file);
  const isRead = await new Promise((resolve) => {
    player.onloadeddata = () => resolve(true);
    player.onerror = () => resolve(false);
  });
  if (mine !== turn) return;
  if (isRead && player.videoWidth) await guard(follow(file.name, true));
  else say(`${file.name} is no video that this browser reads.`, true);
}

async function openCamera() {
  const mine = open(true);
  say('Waiting for the camera …');
  const wish = { video: { facingMode: 'user' } };
  const stream = await navigator.mediaDevices?.getUserMedia(wish).catch(() => null);
  if (mine !== turn) {
    stream?.getTracks().forEach((track) => track.stop());
    return;
  }
  if (!stream) {
    open(false);
    say('There is no camera, or this page may not use it: allow it in the browser.', true);
    return;
  }
  player.srcObject = stream;
  await guard(follow('Camera', false));
}

/** Tell what went wrong. */
function guard(promise) {
  return promise.catch((error) => say(error.message, true));
}

function openFile(file) {
  if (!file) return;
  guard(file.type.startsWith('video/') ? openVideo(file) : openPhoto(file));
}

function save(blob, name) {
  const link = Object.assign(document.createElement('a'), {
    href: URL.createObjectURL(blob),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function listen() {
  for (const id of ['photo', 'video']) {
    get(id).addEventListener('change', (event) => {
      openFile(event.target.files[0]);
      event.target.value = '';
    });
  }
  get('camera').addEventListener('click', () => guard(openCamera()));
  get('stop').addEventListener('click', () => {
    const frames = records.count;
    turn += 1;
    release();
    player.pause();
    player.srcObject?.getTracks().forEach((track) => track.stop());
    get('playing').hidden = true;
    say(`Stopped after ${count(frames, 'frame', 'frames')}.`);
  });
  get('pause').addEventListener('click', () => {
    if (goOn) release();
    else held = new Promise((resolve) => (goOn = resolve));
    get('pause').textContent = goOn ? 'Go on' : 'Pause';
  });
  get('add').addEventListener('click', () => drawing.add());
  get('clear').addEventListener('click', () => {
    drawing.clear();
    redraw();
    if (!records.isVideo) guard(lookAtPhoto());
  });
  get('json').addEventListener('click', () => {
    save(new Blob([records.toText()], { type: 'application/json' }), 'keypoints.json');
  });
  get('png').addEventListener('click', () => {
    get('canvas').toBlob((blob) => save(blob, 'keypoints.png'));
  });
  for (const id of ['keypoint-threshold', 'show-boxes']) get(id).addEventListener('input', redraw);
  for (const id of ['box-threshold', 'flip']) {
    get(id).addEventListener('change', () => {
      if (!records.isVideo && get('canvas').dataset.ready) guard(lookAtPhoto());
    });
  }
  for (const range of document.querySelectorAll('.range')) {
    const write = () => {
      range.querySelector('output').textContent = Number(range.querySelector('input').value).toFixed(2);
    };
    range.addEventListener('input', write);
    write();
  }
  listenToDrops();
}

function listenToDrops() {
  const stage = get('stage');
  addEventListener('dragover', (event) => {
    event.preventDefault();
    stage.classList.add('over');
  });
  addEventListener('dragleave', () => stage.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    stage.classList.remove('over');
    openFile(event.dataTransfer.files[0]);
  });
  addEventListener('paste', (event) => openFile(event.clipboardData.files[0]));
}

/** Follow the system until the user chooses; the choice is kept. */
function listenToTheme() {
  const root = document.documentElement;
  const kept = localStorage.getItem('theme');
  if (kept) root.dataset.theme = kept;
  get('theme').addEventListener('click', () => {
    const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
    const now = root.dataset.theme ?? (isDark ? 'dark' : 'light');
    root.dataset.theme = now === 'dark' ? 'light' : 'dark';
    localStorage.setItem('theme', root.dataset.theme);
  });
}

function describe({ description }) {
  const { name, params, macs, precision, crop } = description;
  const size = `${crop.input_size[0]} × ${crop.input_size[1]} pixels`;
  return `${name} (${(params / 1e6).toFixed(2)} M parameters, ${(macs / 1e9).toFixed(2)} GMACs, ${size}, ${precision})`;
}

async function start() {
  listenToTheme();
  say('Loading the networks …');
  settings = await (await fetch('settings.json')).json();
  const { pose, detector, runtime, version } = settings;
  records = new Records(pose.description.shown);
  get('flip').checked = Boolean(pose.description.flip.flip_test);
  get('boxes').hidden = get('detecting').hidden = !detector;
  if (detector) get('box-threshold').value = detector.description.score_thr;
  get('where').textContent = detector
    ? 'A detector finds people. Boxes that you draw take its place.'
    : 'The whole picture is one person, unless you draw boxes.';
  get('about').textContent =
    `Keypoints: ${describe(pose)}. ` +
    (detector ? `Detector: ${describe(detector)}. ` : '') +
    `${runtime.name} ${runtime.version}, posenas ${version}.`;
  listen();
  const { threads } = await looker.open(settings, document.baseURI);
  for (const id of ['photo', 'video', 'camera']) get(id).disabled = false;
  say(`Ready, with ${count(threads, 'thread', 'threads')}.`);
}

guard(start());
