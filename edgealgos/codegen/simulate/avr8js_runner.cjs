// Runs a firmware on avr8js, row by row over the simulated serial port, and measures it.
//
// The second opinion on simavr_runner.c: same arguments, same output, same meaning of every number (see there), written
// against another simulator. "mended skips" is always 0; "bytes held back" counts bytes that came before the last one
// was read.
//
// Usage: node avr8js_runner.cjs <folder of the package avr8js> self-test | mcu=.. clock=.. image=.. rows=.. ...
"use strict";
const fs = require("fs");

const ISR = -1; // a frame that belongs to an interrupt handler, not to a watch
const MARK_ISR = 1, MARK_MAIN = 2, MARK_RESET = 4, MARK_WATCH = 8;
const MAX_LINE = 8192, NEWLINE = 10, REGISTERS = 0x100; // what avr8js adds to the size of the RAM

// Flash, number of interrupt vectors, and those of timers and serial port; the registers are those of the ATmega328P.
const MEGA = { vectors: 57, timer0: [21, 22, 23], timer1: [17, 18, 20, 16], timer2: [13, 14, 15], usart: 25 };
const UNO = { vectors: 26, timer0: [14, 15, 16], timer1: [11, 12, 13, 10], timer2: [7, 8, 9], usart: 18 };
const PROCESSORS = {
  atmega168: { flashWords: 0x2000, ...UNO },
  atmega328p: { flashWords: 0x4000, ...UNO },
  atmega1280: { flashWords: 0x10000, ...MEGA },
  atmega2560: { flashWords: 0x20000, ...MEGA },
};
const UCSR0A = 0xc0, RXC0 = 0x80, SPL = 0x5d, SPH = 0x5e;

class Runner {
  constructor(avr8js, options, watches) {
    const processor = PROCESSORS[options.mcu];
    if (!processor) throw new Error(`this runner does not know the processor ${options.mcu}`);
    this.flashWords = processor.flashWords;
    this.program = loadImage(options.image, this.flashWords);
    this.cpu = new avr8js.CPU(this.program, Number(options.ram_end) - REGISTERS);
    this.step = avr8js.avrInstruction;
    for (const timer of ["timer0", "timer1", "timer2"])
      new avr8js.AVRTimer(this.cpu, { ...avr8js[`${timer}Config`], ...timerVectors(processor[timer]) });
    const usart = { ...avr8js.usart0Config, ...usartVectors(processor.usart) };
    this.uart = new avr8js.AVRUSART(this.cpu, usart, Number(options.clock));
    this.uart.onByteTransmit = (byte) => this.receive(byte);

    this.status = "running";
    this.limit = Number(options.limit);
    this.progress = 0; // cycle of the last answer
    this.rows = fs.readFileSync(options.rows);
    this.sent = 0;
    this.ready = this.sending = false;
    this.heldBack = 0;
    this.log = [];
    this.line = [];

    this.frames = [];
    this.isrDepth = this.watchDepth = 0;
    this.isrCycles = this.isrCyclesAtRow = this.outerCycles = 0;
    this.returnSp = Infinity; // a stack pointer above it may mean that the innermost frame has returned
    this.inMain = false;
    this.lowestSp = 0xffff; // outside of interrupt handlers
    this.interruptedSp = this.deepestIsr = 0; // where the handler that runs began; bytes of the deepest one
    this.markCode(processor.vectors, Number(options.main), watches);
  }

  markCode(vectors, main, watches) {
    this.mark = new Uint8Array(this.flashWords);
    this.watchAt = new Int8Array(this.flashWords);
    this.mark[0] |= MARK_RESET;
    for (let vector = 1; vector < vectors; ++vector) this.mark[2 * vector] |= MARK_ISR;
    this.mark[main >> 1] |= MARK_MAIN;
    this.watches = [];
    for (const [index, address] of watches) {
      this.mark[address >> 1] |= MARK_WATCH;
      this.watchAt[address >> 1] = index;
      this.watches[index] = { cycles: 0, calls: 0, active: false };
    }
  }

  // ---- the serial port

  sendNextRow() {
    if (this.sent >= this.rows.length) {
      this.status = "done";
      return;
    }
    this.sending = true;
    this.cpu.addClockEvent(() => this.sendByte(), this.uart.cyclesPerChar);
  }

  sendByte() {
    if (!this.sending) return;
    if (this.cpu.data[UCSR0A] & RXC0) ++this.heldBack;
    const byte = this.rows[this.sent++];
    this.uart.writeByte(byte, true);
    if (byte === NEWLINE || this.sent === this.rows.length) this.sending = false;
    else this.cpu.addClockEvent(() => this.sendByte(), this.uart.cyclesPerChar);
  }

  receive(byte) {
    this.log.push(byte);
    if (byte === NEWLINE) {
      this.takeLine(String.fromCharCode(this.line[0] || 0));
      this.line = [];
    } else if (this.line.push(byte) > MAX_LINE) {
      this.status = "line-too-long";
    }
  }

  takeLine(start) {
    if (start === "!") {
      this.status = "refused";
      return;
    }
    if (start === "#" ? this.ready : !this.ready) return; // a remark, or a boot message
    if (this.sending) {
      this.status = "out-of-step";
      return;
    }
    if (this.ready) this.reportRow();
    this.ready = true;
    this.progress = this.cpu.cycles;
    this.sendNextRow();
  }

  reportRow() {
    const fields = [this.outerCycles, this.isrCycles - this.isrCyclesAtRow];
    for (const watch of this.watches) {
      fields.push(watch.cycles, watch.calls);
      watch.cycles = watch.calls = 0;
    }
    this.outerCycles = 0;
    this.isrCyclesAtRow = this.isrCycles;
    fs.writeSync(1, `row ${fields.join(" ")}\n`);
  }

  // ---- what is measured

  enter(watch, cycle, sp) {
    if (watch === ISR) {
      ++this.isrDepth;
    } else {
      const entry = this.watches[watch];
      if (entry.active) return; // a recursion, or a copy of the function called by another copy
      entry.active = true;
      ++entry.calls;
      ++this.watchDepth;
    }
    this.frames.push({ watch, sp, cycle, isrCycles: this.isrCycles });
    this.returnSp = sp;
  }

  leave() {
    const frame = this.frames.pop();
    let cycles = this.cpu.cycles - frame.cycle;
    if (frame.watch === ISR) {
      if (--this.isrDepth === 0) this.isrCycles += cycles;
    } else {
      cycles -= this.isrCycles - frame.isrCycles;
      this.watches[frame.watch].cycles += cycles;
      this.watches[frame.watch].active = false;
      if (--this.watchDepth === 0) this.outerCycles += cycles;
    }
    this.returnSp = this.frames.length ? this.frames[this.frames.length - 1].sp : Infinity;
  }

  // A handler may begin anywhere: the deepest one comes on top of the deepest stack outside of handlers.
  noteStack(sp, begins) {
    if (begins || this.isrDepth) this.deepestIsr = Math.max(this.deepestIsr, this.interruptedSp - sp);
    else this.lowestSp = Math.min(this.lowestSp, sp);
  }

  // A marked address is about to be executed; `cycle` is when the instruction before it ended.
  arrive(mark, cycle, sp) {
    if (mark & MARK_MAIN) this.inMain = true;
    if (mark & MARK_RESET && this.inMain) this.status = "restarted";
    if (mark & MARK_ISR) this.enter(ISR, cycle, sp);
    if (mark & MARK_WATCH) this.enter(this.watchAt[this.cpu.pc], cycle, sp);
  }

  run() {
    const { cpu, program, mark, step } = this;
    const data = cpu.data;
    for (let count = 1; this.status === "running"; ++count) {
      const opcode = program[cpu.pc];
      step(cpu);
      const cycle = cpu.cycles;
      // The return is measured before an interrupt handler can begin behind it.
      if ((data[SPL] | (data[SPH] << 8)) > this.returnSp && isReturn(opcode)) this.leaveAbove(data[SPL] | (data[SPH] << 8));
      if (this.isrDepth === 0) this.interruptedSp = data[SPL] | (data[SPH] << 8);
      cpu.tick();
      const sp = data[SPL] | (data[SPH] << 8);
      if (this.inMain && !isHalfWay(opcode)) this.noteStack(sp, mark[cpu.pc] & MARK_ISR);
      if (cpu.pc >= this.flashWords || (program[cpu.pc] === 0xffff && this.inMain)) this.status = "crashed";
      else if (mark[cpu.pc]) this.arrive(mark[cpu.pc], cycle, sp);
      if ((count & 0xffff) === 0 && cpu.cycles - this.progress > this.limit) this.status = "silent";
    }
  }

  leaveAbove(sp) {
    while (this.frames.length && sp > this.returnSp) this.leave();
  }
}

const isReturn = (opcode) => opcode === 0x9508 || opcode === 0x9518;

// `out SPH` or `out SREG`: the stack pointer may be half written. Compilers write SPH, SREG, SPL in this order.
const isHalfWay = (opcode) => (opcode & 0xfe0f) === 0xbe0e || (opcode & 0xfe0f) === 0xbe0f;

// Word addresses of a timer's interrupts, as avr8js names them.
const timerVectors = ([compareA, compareB, overflow, capture = 0]) => ({
  compAInterrupt: 2 * compareA, compBInterrupt: 2 * compareB, ovfInterrupt: 2 * overflow, captureInterrupt: 2 * capture,
});

// Three vectors in a row: received, register empty, transmitted.
const usartVectors = (first) => ({
  rxCompleteInterrupt: 2 * first, dataRegisterEmptyInterrupt: 2 * first + 2, txCompleteInterrupt: 2 * first + 4,
});

function loadImage(path, words) {
  const program = new Uint16Array(words).fill(0xffff);
  new Uint8Array(program.buffer).set(fs.readFileSync(path));
  return program;
}

// Skips `adiw r24, 0x3f` and must then execute `ldi r22, 1`.
function selfTest(avr8js) {
  const program = new Uint16Array(0x4000);
  program.set([0xe060 /* ldi r22, 0 */, 0xe090 /* ldi r25, 0 */, 0xfd97 /* sbrc r25, 7 */, 0x96cf /* adiw r24, 63 */,
    0xe061 /* ldi r22, 1 */, 0xcfff /* rjmp . */]);
  const cpu = new avr8js.CPU(program);
  for (let i = 0; i < 8; ++i) avr8js.avrInstruction(cpu);
  console.log(cpu.data[22] === 1 ? "good" : "skips-too-much");
}

function main([folder, ...words]) {
  const avr8js = require(folder);
  if (words[0] === "self-test") return selfTest(avr8js);
  const pairs = words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]);
  const watches = pairs.filter(([key]) => key === "watch").map(([, value]) => value.split(":").map(Number));
  const options = Object.fromEntries(pairs);
  const runner = new Runner(avr8js, options, watches);
  runner.run();
  fs.writeFileSync(options.log, Buffer.from(runner.log));
  const numbers = [runner.cpu.cycles, runner.lowestSp - runner.deepestIsr, 0, runner.heldBack, 2 * runner.cpu.pc];
  fs.writeSync(1, `end ${runner.status} ${numbers.join(" ")}\n`);
}

main(process.argv.slice(2));
