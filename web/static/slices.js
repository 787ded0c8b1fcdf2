// The pixels of a case's slices: asked for before they are looked at, those near the present one first.

import { ask } from "./asking.js";

const AT_ONCE = 4, MOST_BYTES = 256 * 2 ** 20;

async function load(address, signal) {
  const response = await ask(address, { signal });
  const header = (name) => response.headers.get(`X-Headct-${name}`);
  const isHu = header("Kind") === "hu";
  const data = await response.arrayBuffer();
  return {
    values: isHu ? new Int16Array(data) : new Uint8Array(data), // every browser's machine is little-endian
    isHu,
    rows: Number(header("Rows")),
    columns: Number(header("Columns")),
  };
}

export class Slices {
  constructor(addresses) {
    this.addresses = addresses;
    this.held = new Map();
    this.under = new Map();
    this.present = 0;
  }

  // The slice if it is there, at once: no frame is lost to a promise.
  now(place) {
    return this.held.get(place);
  }

  get(place) {
    if (this.held.has(place)) return Promise.resolve(this.held.get(place));
    if (!this.under.has(place)) {
      const loading = load(this.addresses[place]).then((slice) => {
        this.held.set(place, slice);
        this.forget();
        return slice;
      });
      this.under.set(place, loading);
      loading.catch(() => {}).finally(() => this.under.delete(place));
    }
    return this.under.get(place);
  }

  // Load all of them, from the present one outwards; one that fails is passed over.
  async ahead() {
    const failed = new Set();
    const nearest = () => {
      const left = this.addresses.map((_, place) => place).filter((place) => this.addresses[place] && !this.held.has(place) && !this.under.has(place) && !failed.has(place));
      return left.sort((one, other) => Math.abs(one - this.present) - Math.abs(other - this.present))[0];
    };
    const work = async () => {
      for (let place = nearest(); place !== undefined && !this.full(); place = nearest()) {
        await this.get(place).catch(() => failed.add(place));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  bytes() {
    let sum = 0;
    for (const slice of this.held.values()) sum += slice.values.byteLength;
    return sum;
  }

  full() {
    return this.bytes() > MOST_BYTES;
  }

  forget() {
    const far = [...this.held.keys()].sort((one, other) => Math.abs(other - this.present) - Math.abs(one - this.present));
    while (this.full() && far.length > 1) this.held.delete(far.shift());
  }
}

// Have the browser keep these, one after another: they are for later.
export async function keep(addresses) {
  for (const address of addresses) await (await ask(address)).arrayBuffer();
}
