// What the page shows: the picture, people on it, and the boxes that the user draws.

const OUTLINE = 'rgb(20 20 20)';
const BOX = 'rgb(0 160 80)';
const CHOSEN = 'rgb(240 90 60)';

const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d', { willReadFrequently: true });
    this.picture = document.createElement('canvas');
    this.source = this.picture.getContext('2d', { willReadFrequently: true });
  }

  /** Take a picture, a frame of a video, or a bitmap; returns its pixels. */
  take(source, width, height) {
    for (const canvas of [this.canvas, this.picture]) {
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
    }
    this.source.drawImage(source, 0, 0, width, height);
    this.canvas.style.setProperty('--aspect', width / height);
    return this.source.getImageData(0, 0, width, height);
  }

  /** Draw the picture, people above a score, and boxes of the user. */
  draw(people, skeleton, { keypointThreshold, showBoxes, drawn }) {
    this.pen.drawImage(this.picture, 0, 0);
    for (const { box, keypoints } of people) {
      if (showBoxes) this.drawBox(box, BOX);
      this.drawPerson(keypoints, skeleton, keypointThreshold);
    }
    for (const box of drawn) this.drawBox(box, CHOSEN);
  }

  /** One screen pixel in pixels of the picture. */
  get unit() {
    return this.canvas.width / (this.canvas.clientWidth || this.canvas.width);
  }

  drawBox([x1, y1, x2, y2], color) {
    this.pen.lineWidth = 2 * this.unit;
    this.pen.strokeStyle = color;
    this.pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }

  drawPerson(keypoints, skeleton, threshold) {
    const shown = keypoints.filter(({ score }) => score > threshold);
    const extent = Math.max(...[0, 1].map((axis) => {
      const places = shown.map(({ point }) => point[axis]);
      return places.length ? Math.max(...places) - Math.min(...places) : 0;
    }));
    const width = Math.min(Math.max(extent / 90, 1.5 * this.unit), 12 * this.unit);
    const limbs = skeleton.skeleton_links
      .map((limb, i) => [limb.map((joint) => keypoints[joint]), skeleton.skeleton_link_colors[i]])
      .filter(([ends]) => ends.every((end) => end.score > threshold));
    this.pen.lineCap = 'round';
    for (const isOutline of [true, false]) {
      for (const [ends, color] of limbs) {
        this.pen.strokeStyle = isOutline ? OUTLINE : css(color);
        this.pen.lineWidth = isOutline ? 1.7 * width : width;
        this.pen.beginPath();
        this.pen.moveTo(ends[0].point[0] + 0.5, ends[0].point[1] + 0.5);
        this.pen.lineTo(ends[1].point[0] + 0.5, ends[1].point[1] + 0.5);
        this.pen.stroke();
      }
    }
    keypoints.forEach(({ point, score }, joint) => {
      if (score <= threshold) return;
      this.pen.beginPath();
      this.pen.arc(point[0] + 0.5, point[1] + 0.5, 1.4 * width, 0, 2 * Math.PI);
      this.pen.fillStyle = css(skeleton.keypoint_colors[joint]);
      this.pen.strokeStyle = OUTLINE;
      this.pen.lineWidth = 0.4 * width;
      this.pen.fill();
      this.pen.stroke();
    });
  }
}
