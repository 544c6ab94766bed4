// The page around the board: samples to pick, fields, a canvas to draw on, what the board says. Knows the elements of
// board.html and the facts that stand in #board. All that comes from outside is written as text, never as HTML.
"use strict";

const element = (id) => document.getElementById(id);
const CHUNK = 400000, PATIENCE = 4e9, SLICE = 25, MOST_FIELDS = 24, SHOWN = 20000; // cycles, cycles, ms, inputs, characters

class Bench {
  constructor(facts) {
    this.facts = facts;
    const bytes = Uint8Array.from(atob(facts.image), (letter) => letter.charCodeAt(0));
    this.board = new Board(bytes, facts.chip, facts.watched);
    this.board.onLed = (lit) => {
      element("led").classList.toggle("lit", lit);
      element("lit").textContent = lit ? "on" : "off";
    };
    this.decoder = new TextDecoder();
    this.part = "";
    this.lines = [];
  }

  // Runs until a line was printed that is no remark; the page stays alive meanwhile.
  async line() {
    const { board } = this, end = board.cpu.cycles + PATIENCE;
    for (let since = performance.now(); ;) {
      const found = this.lines.shift();
      if (found !== undefined) return found;
      if (board.cpu.fault) throw new Error(`the processor ${board.cpu.fault}`);
      if (board.cpu.cycles > end) throw new Error("the board gave no answer");
      board.cpu.run(board.cpu.cycles + CHUNK);
      this.take(board.printed());
      if (performance.now() - since > SLICE) {
        await new Promise((go) => setTimeout(go));
        since = performance.now();
      }
    }
  }

  take(printed) {
    const text = this.decoder.decode(Uint8Array.from(printed, (letter) => letter.charCodeAt(0)), { stream: true });
    if (!text) return;
    const shown = element("serial");
    shown.textContent = (shown.textContent + text.replace(/\r/g, "")).slice(-SHOWN);
    shown.scrollTop = shown.scrollHeight;
    const lines = (this.part + text).split("\n");
    this.part = lines.pop();
    this.lines.push(...lines.map((line) => line.replace(/\r$/, "")));
  }

  async start() {
    while (!(await this.line()).startsWith("#"));
  }

  // Types a sample; the answer that its last line gets, and the cycles of its prediction.
  async ask(lines) {
    const { board, facts } = this;
    let answer = "", cycles = 0;
    if (facts.steps) {
      board.type("=\n"); // a sequence begins
      await this.start();
    }
    for (const [index, line] of lines.entries()) {
      board.spent();
      board.type(line + "\n");
      do answer = await this.line();
      while (answer.startsWith("#"));
      if (answer.startsWith("!")) throw new Error(answer.slice(1));
      const spent = board.spent(), last = index === lines.length - 1;
      cycles += (spent[1] || 0) + (last ? spent[2] || 0 : 0);
    }
    return { answer, cycles };
  }
}

// The label of an answer "label 87%", or a regressor's number.
const labelOf = (answer, task) => (task === "classifier" ? answer.replace(/ \d+%$/, "") : answer);

function agrees(answer, twin, task) {
  const label = labelOf(answer, task);
  if (task === "classifier") return label === twin;
  const decimals = (label.split(".")[1] || "").length;
  return Math.abs(Number(label) - Number(twin)) <= 10 ** -decimals;
}

class Page {
  constructor(facts) {
    this.facts = facts;
    this.bench = new Bench(facts);
    this.samples = facts.samples;
    this.busy = true;
    this.picked = null; // the sample that is typed now, unchanged
    element("run").onclick = () => this.guarded(() => this.run());
    element("all").onclick = () => this.guarded(() => this.runAll());
    element("samples").onchange = () => this.pick();
    element("typed").oninput = () => this.edited();
    this.fillSamples();
    this.makeFields();
    if (facts.picture) this.picture = new Picture(facts, (values) => this.drawn(values));
    this.pick();
  }

  fillSamples() {
    const select = element("samples");
    for (const [index, sample] of this.samples.entries()) {
      const truth = sample.truth === null ? "" : ` (${sample.truth})`;
      select.add(new Option(`${sample.row}${truth}`, index));
    }
    if (!this.samples.length) element("all").hidden = select.parentElement.hidden = true;
  }

  makeFields() {
    const { features, steps, names } = this.facts;
    if (steps || features > MOST_FIELDS || this.facts.picture) return;
    for (let i = 0; i < features; ++i) {
      const label = document.createElement("label"), input = document.createElement("input");
      input.type = "number";
      input.step = "any";
      input.oninput = () => {
        element("typed").value = this.fields().map((each) => each.value || "0").join(",");
        this.picked = null;
      };
      label.append(names[i] || `input ${i}`, document.createElement("br"), input);
      element("fields").append(label);
    }
  }

  fields() { return [...element("fields").querySelectorAll("input")]; }

  lines() { return element("typed").value.split("\n").map((line) => line.trim()).filter(Boolean); }

  values() { return this.lines().join(",").split(/[\s,]+/).map(Number); }

  pick() {
    const { features, steps } = this.facts;
    this.picked = this.samples[element("samples").value] || null;
    const zeros = Array(features).fill(0).join(",");
    element("typed").value = (this.picked ? this.picked.lines : Array(steps || 1).fill(zeros)).join("\n");
    this.show();
  }

  edited() {
    this.picked = null;
    this.show();
  }

  show() {
    const values = this.values();
    this.fields().forEach((input, i) => (input.value = Number.isFinite(values[i]) ? values[i] : ""));
    if (this.picture) this.picture.set(values);
  }

  drawn(values) {
    const { features } = this.facts, lines = [];
    for (let i = 0; i < values.length; i += features) lines.push(values.slice(i, i + features).join(","));
    element("typed").value = lines.join("\n");
    this.picked = null;
  }

  async guarded(work) {
    if (this.busy) return;
    this.busy = true;
    this.say("running");
    try {
      await work();
      this.say("ready");
    } catch (error) {
      this.say(`refused: ${error.message}`);
    }
    this.busy = false;
  }

  say(state) {
    element("state").textContent = state;
    document.body.dataset.state = state;
  }

  async run() {
    const sample = this.picked, { task } = this.facts;
    const { answer, cycles } = await this.bench.ask(this.lines());
    element("answer").textContent = answer;
    element("twin").textContent = sample ? sample.twin : "–";
    element("truth").textContent = sample && sample.truth !== null ? `· truth: ${sample.truth}` : "";
    this.judge(element("verdict"), sample && agrees(answer, sample.twin, task));
    const time = ((1e3 * cycles) / this.facts.clock).toFixed(2);
    element("cycles").textContent = `${cycles.toLocaleString("en")} cycles for this prediction = ${time} ms on the board`;
  }

  judge(place, good) {
    place.className = good === null ? "" : good ? "good" : "bad";
    place.textContent = good === null ? "" : good ? "✓ the same" : "✗ not the same";
  }

  async runAll() {
    const table = document.createElement("table"), { task } = this.facts;
    const row = (...cells) => {
      const line = table.insertRow();
      for (const cell of cells) line.insertCell().textContent = cell;
      return line;
    };
    row("sample", "truth", "twin", "board", "cycles", "");
    element("results").replaceChildren(table);
    for (const sample of this.samples) {
      const { answer, cycles } = await this.bench.ask(sample.lines);
      const line = row(sample.row, sample.truth ?? "", sample.twin, answer, cycles.toLocaleString("en"));
      this.judge(line.insertCell(), agrees(answer, sample.twin, task));
    }
  }

  async start() {
    await this.bench.start();
    this.busy = false;
    this.say("ready");
  }
}

// A picture that is shown and drawn on, a cell a value.
class Picture {
  constructor({ picture }, changed) {
    Object.assign(this, picture);
    this.changed = changed;
    this.cell = Math.max(6, Math.floor(256 / Math.max(this.width, this.height)));
    this.values = Array(this.width * this.height).fill(this.low);
    const canvas = (this.canvas = element("picture"));
    canvas.width = this.width * this.cell;
    canvas.height = this.height * this.cell;
    canvas.hidden = false;
    canvas.onpointerdown = canvas.onpointermove = (event) => event.buttons && this.draw(event);
    const clear = document.createElement("button");
    clear.id = "clear";
    clear.textContent = "Clear the picture";
    clear.onclick = () => {
      this.set(this.values.fill(this.low));
      this.changed(this.values);
    };
    const below = document.createElement("p");
    below.append("Draw with the mouse or a finger. ", clear);
    canvas.after(below);
  }

  set(values) {
    this.values = [...values];
    const context = this.canvas.getContext("2d"), { cell, width } = this;
    this.values.forEach((value, i) => {
      const level = Math.round((255 * (value - this.low)) / (this.high - this.low || 1));
      context.fillStyle = `rgb(${level},${level},${level})`;
      context.fillRect((i % width) * cell, Math.floor(i / width) * cell, cell, cell);
    });
  }

  draw(event) {
    const column = Math.floor(event.offsetX / this.cell), row = Math.floor(event.offsetY / this.cell);
    const ink = (x, y, share) => {
      if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
      const i = y * this.width + x;
      this.values[i] = Math.max(this.values[i], this.low + share * (this.high - this.low));
    };
    ink(column, row, 1);
    for (const [x, y] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) ink(column + x, row + y, 0.5);
    this.set(this.values);
    this.changed(this.values);
  }
}

function copyButtons() {
  for (const button of document.querySelectorAll("button.copy"))
    button.onclick = (event) => {
      event.preventDefault();
      const code = button.closest("details").querySelector("pre"), selection = getSelection();
      button.closest("details").open = true;
      selection.selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "copied" : "select and copy";
    };
}

copyButtons();
if (element("board")) new Page(JSON.parse(element("board").textContent)).start();
