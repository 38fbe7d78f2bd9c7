// The page's side of the worker: calls that return promises.

export class Looker {
  constructor() {
    // A worker of a blob obeys the page's content security policy: it cannot send anything away.
    const code = `import ${JSON.stringify(new URL('worker.js', import.meta.url).href)};`;
    const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    this.worker = new Worker(address, { type: 'module' });
    this.waiting = new Map();
    this.count = 0;
    this.worker.addEventListener('message', ({ data: { number, answer, error } }) => {
      const { resolve, reject } = this.waiting.get(number);
      this.waiting.delete(number);
      if (error === undefined) resolve(answer);
      else reject(new Error(error));
    });
    this.worker.addEventListener('error', (event) => {
      for (const { reject } of this.waiting.values()) {
        reject(new Error(event.message || 'the worker cannot start in this browser'));
      }
      this.waiting.clear();
    });
  }

  call(action, wish, transfer = []) {
    const number = this.count++;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      this.worker.postMessage({ number, action, ...wish }, transfer);
    });
  }

  /** Load the runtime and the networks; resolves to {threads}. */
  open(settings, base) {
    return this.call('open', { settings, base });
  }

  /** Find people in ImageData, which is given away. */
  look({ data, width, height }, boxes, options) {
    return this.call('look', { image: { data, width, height }, boxes, options }, [data.buffer]);
  }
}
