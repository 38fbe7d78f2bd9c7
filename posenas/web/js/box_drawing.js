// Boxes that the user draws with the pointer, or moves with the keys, on the picture.

const STEP = 0.02;
const LEAST = 8;

const DIRECTIONS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class BoxDrawing {
  /** ``whenDrawn`` is called at each change, ``whenDone`` when boxes shall be looked into. */
  constructor(canvas, whenDrawn, whenDone) {
    Object.assign(this, { canvas, whenDrawn, whenDone, boxes: [], start: null, timer: 0 });
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', () => this.release());
    canvas.addEventListener('pointercancel', () => this.release());
    canvas.addEventListener('keydown', (event) => this.type(event));
  }

  clear() {
    this.boxes = [];
    this.start = null;
  }

  place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * this.canvas.width;
    const y = ((event.clientY - top) / height) * this.canvas.height;
    return [Math.min(Math.max(x, 0), this.canvas.width), Math.min(Math.max(y, 0), this.canvas.height)];
  }

  press(event) {
    if (this.canvas.dataset.ready !== 'true' || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.start = this.place(event);
    this.draft = null;
  }

  move(event) {
    if (!this.start) return;
    const [x, y] = this.place(event);
    const [u, v] = this.start;
    const box = [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];
    if (this.draft) this.boxes.pop();
    this.draft = box[2] - box[0] > LEAST && box[3] - box[1] > LEAST ? box : null;
    if (this.draft) this.boxes.push(box);
    this.whenDrawn();
  }

  release() {
    if (this.start && this.draft) this.whenDone();
    this.start = null;
    this.draft = null;
  }

  /** Put a box into the middle, to be moved by the keys. */
  add() {
    const { width, height } = this.canvas;
    this.boxes.push([width / 4, height / 8, (3 * width) / 4, (7 * height) / 8]);
    this.canvas.focus();
    this.finish();
  }

  type(event) {
    const direction = DIRECTIONS[event.key];
    if (!this.boxes.length || (!direction && event.key !== 'Delete')) return;
    event.preventDefault();
    if (direction) this.boxes.push(this.shift(this.boxes.pop(), direction, event.shiftKey));
    else this.boxes.pop();
    this.finish();
  }

  shift([x1, y1, x2, y2], [right, down], isResized) {
    const { width, height } = this.canvas;
    const clip = (value, low, high) => Math.min(Math.max(value, low), high);
    const [dx, dy] = [right * STEP * width, down * STEP * height];
    if (isResized) {
      return [x1, y1, clip(x2 + dx, x1 + LEAST, width), clip(y2 + dy, y1 + LEAST, height)];
    }
    const [x, y] = [clip(x1 + dx, 0, width - x2 + x1), clip(y1 + dy, 0, height - y2 + y1)];
    return [x, y, x + x2 - x1, y + y2 - y1];
  }

  finish() {
    this.whenDrawn();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.whenDone(), 150);
  }
}
