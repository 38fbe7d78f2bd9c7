// What can be downloaded: JSON in the form that posenas infer writes, which is MMPose's.

/** Frames that are kept of a camera or video; older ones are left out. */
const MOST_FRAMES = 20000;

/** Turn people into plain instances. */
function toInstances(people) {
  return people.map(({ box, score, keypoints }) => ({
    keypoints: keypoints.map(({ point }) => point),
    keypoint_scores: keypoints.map(({ score: each }) => each),
    bbox: [box],
    bbox_score: score,
  }));
}

export class Records {
  constructor(skeleton) {
    this.skeleton = skeleton;
    this.clear();
  }

  /** Forget what was found; ``isVideo`` says whether frames follow, or one picture. */
  clear(isVideo = false) {
    Object.assign(this, { frames: [], isVideo, count: 0 });
  }

  /** Keep what was found in a frame at a time in seconds; of a picture only the last counts. */
  add(people, time) {
    if (!this.isVideo) this.clear();
    const instances = toInstances(people);
    this.frames.push({ frame_id: this.count++, time, instances });
    if (this.frames.length > MOST_FRAMES) this.frames.shift();
  }

  /** Return the text of the file. */
  toText() {
    if (!this.isVideo) return JSON.stringify(this.frames[0]?.instances ?? []);
    return JSON.stringify({ meta_info: this.skeleton, instance_info: this.frames });
  }
}
