// Single random instructions on the page's processor (avr.js) and on avr8js: registers, memory, program counter, cycles.
// Usage: node random_instructions.cjs <folder of the package avr8js> <folder of avr.js>
"use strict";
const fs = require("fs"), vm = require("vm"), theirs = require(process.argv[2]);
const load = (name) => fs.readFileSync(`${process.argv[3]}/${name}.js`, "utf8");
vm.runInThisContext(load("avr") + "\nglobalThis.Avr = Avr; globalThis.isLong = isLong;");
let seed = 1;
const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8;
const chip = { flashWords: 0x4000, ramStart: 0x100, ramBytes: 0x800 };
// What reads no register of a peripheral, and whose operands are defined.
const avoided = (op) => (op & 0xf000) === 0xb000 || (op & 0xfc00) === 0x9800 || op === 0x95e8 || op === 0x95f8 ||
  op === 0x9598 || op === 0x9588 || op === 0x95a8 || op === 0x9518 || (op & 0xff0f) === 0x9408 ||
  (op & 0xf808) === 0xf808 || ((op & 0xfc00) === 0x9000 && (op & 0x01f0) >= 0x01a0 && op & 3) || (op & 0xff88) === 0x0388; // fmulsu: avr8js turns Z round
let tried = 0, met = new Set();
for (let round = 0; round < 60000; ++round) {
  const op = random() & 0xffff;
  if (avoided(op)) continue;
  const ours = new Uint8Array(0x900), at = 0x1000 + (random() & 0xff);
  const image = new Uint8Array(0x8000);
  for (let i = 2 * at; i < 2 * at + 12; ++i) image[i] = random();
  new Uint16Array(image.buffer)[at] = op;
  new Uint16Array(image.buffer)[at + 1] = isLong(op) ? 0x100 + (random() & 0x3ff) : random() & 0xffff;
  if (round % 64 === 0) (globalThis.pair = [new Avr(image, chip), new theirs.CPU(new Uint16Array(image.buffer.slice(0)), 0x800)]);
  const [mine, other] = pair;
  mine.bytes.set(image.subarray(2 * at, 2 * at + 12), 2 * at);
  other.progBytes.set(image.subarray(2 * at, 2 * at + 12), 2 * at);
  for (let i = 0; i < 32; ++i) mine.data[i] = random();
  for (const high of [27, 29, 31]) mine.data[high] = 1 + (random() & 3);
  for (let i = 0x100; i < 0x900; i += 1 + (random() & 63)) mine.data[i] = random();
  mine.data[0x5f] = random() & 0x7f;
  mine.data[0x5d] = random();
  mine.data[0x5e] = 4;
  other.data.set(mine.data);
  mine.pc = other.pc = at;
  mine.cycles = other.cycles = 0;
  mine.fault = "";
  // neg of 0x80: avr8js forgets V.
  if ((op & 0xfe0f) === 0x9401 && mine.data[(op >> 4) & 31] === 0x80) continue;
  mine.step();
  if (mine.fault) continue;
  theirs.avrInstruction(other);
  for (const cpu of pair) cpu.data[0x5f] &= ~0x20; // avr8js makes H of bit 0, and no compiled code asks for it
  ++tried;
  met.add(op >> 8);
  const same = mine.data.every((value, i) => value === other.data[i]) &&
    !((mine.pc ^ other.pc) & 0x3fff) && mine.cycles === other.cycles;
  if (!same) {
    const where = [...mine.data.keys()].filter((i) => mine.data[i] !== other.data[i]);
    console.log(`0x${op.toString(16)}: pc ${mine.pc} ${other.pc}, cycles ${mine.cycles} ${other.cycles}, data at ${where}`);
    process.exit(1);
  }
}
console.log(`${tried} ${met.size}`);
