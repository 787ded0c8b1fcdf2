// From values to grey: a window (level and width) as a table, so that a slice is one look-up per pixel.

export const PRESETS = {
  brain: { width: 80, level: 40 },
  subdural: { width: 215, level: 75 },
  stroke: { width: 40, level: 40 },
  bone: { width: 2800, level: 600 },
};
export const WHOLE = { width: 255, level: 127.5 }; // of a picture without HU

const HU_FROM = -32768, HU_COUNT = 65536;

// Opaque grey as a canvas stores it. 0 at the window's lower end, 255 at its upper one, rounded half up.
function table(from, count, { width, level }, inverted) {
  const words = new Uint32Array(count);
  const low = level - width / 2;
  for (let index = 0; index < count; index += 1) {
    let grey = Math.floor(((from + index - low) * 255) / width + 0.5);
    grey = Math.min(255, Math.max(0, grey));
    if (inverted) grey = 255 - grey;
    words[index] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return words;
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.drawing = canvas.getContext("2d", { alpha: false });
    this.made = "";
  }

  paint(slice, window, inverted) {
    const { columns, rows, values, isHu } = slice;
    if (this.canvas.width !== columns || this.canvas.height !== rows || !this.image) {
      this.canvas.width = columns;
      this.canvas.height = rows;
      this.image = this.drawing.createImageData(columns, rows);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    const wanted = `${isHu} ${window.width} ${window.level} ${inverted}`;
    if (wanted !== this.made) {
      this.greys = isHu ? table(HU_FROM, HU_COUNT, window, inverted) : table(0, 256, window, inverted);
      this.made = wanted;
    }
    const { greys, words } = this, offset = isHu ? -HU_FROM : 0;
    for (let index = 0; index < words.length; index += 1) words[index] = greys[values[index] + offset];
    this.drawing.putImageData(this.image, 0, 0);
  }
}
