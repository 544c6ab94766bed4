// The processor of an AVR board, to the cycle: instructions, interrupts, memory. Knows no peripherals: those that are
// attached say what reading and writing their registers does, when they want to be called, and which interrupts wait.
//
// After the AVR Instruction Set Manual (DS40002198), columns of the AVRe+ core.
"use strict";

const SREG = 0x5f, SPL = 0x5d, SPH = 0x5e, RAMPZ = 0x5b, EIND = 0x5c;
const C = 1, Z = 2, N = 4, V = 8, S = 16, H = 32, T = 64, I = 128;
const XREG = 26, YREG = 28, ZREG = 30;

class Avr {
  // image: bytes of the flash; ramStart, ramBytes: where variables may lie; flashWords: size of the flash.
  constructor(image, { flashWords, ramStart, ramBytes }) {
    this.flash = new Uint16Array(flashWords).fill(0xffff);
    new Uint8Array(this.flash.buffer).set(image);
    this.bytes = new Uint8Array(this.flash.buffer);
    this.data = new Uint8Array(ramStart + ramBytes);
    this.ramStart = ramStart;
    this.wide = flashWords > 0x10000; // return addresses take three bytes, and calls a cycle more
    this.readers = {};
    this.writers = {};
    this.mark = new Uint8Array(flashWords); // which watched function begins here, from 1
    this.pc = this.cycles = 0;
    this.nextEvent = Infinity; // cycle at which `events` wants to be called
    this.events = () => {};
    this.vector = () => 0; // number of the interrupt that is served now, 0 for none
    this.waiting = false; // whether one might
    this.fault = "";
    this.isrCycles = this.isrStart = 0;
    this.frames = [];
    this.watched = {}; // function number to cycles, interrupts left out
  }

  get sp() { return this.data[SPL] | (this.data[SPH] << 8); }
  set sp(value) {
    this.data[SPL] = value;
    this.data[SPH] = value >> 8;
  }

  load(address) {
    if (address >= this.ramStart || address < 32) return this.data[address % this.data.length];
    const reader = this.readers[address];
    return reader ? reader() : this.data[address];
  }

  store(address, value) {
    if (address < this.ramStart && address >= 32) {
      const writer = this.writers[address];
      if (writer) return writer(value);
    } else if (address >= this.data.length) {
      this.fault ||= "wrote beyond its RAM";
      return;
    }
    this.data[address] = value;
  }

  pair(register) { return this.data[register] | (this.data[register + 1] << 8); }
  setPair(register, value) {
    this.data[register] = value;
    this.data[register + 1] = value >> 8;
  }

  push(value) {
    const sp = this.sp;
    this.store(sp, value & 255);
    this.sp = sp - 1;
  }

  pop() {
    const sp = (this.sp + 1) & 0xffff;
    this.sp = sp;
    return this.load(sp);
  }

  pushPc(pc) {
    this.push(pc);
    this.push(pc >> 8);
    if (this.wide) this.push(pc >> 16);
  }

  popPc() {
    let pc = this.wide ? this.pop() << 16 : 0;
    pc |= this.pop() << 8;
    return pc | this.pop();
  }

  call(target, cycles) {
    this.pushPc(this.pc);
    this.pc = target;
    this.cycles += cycles + (this.wide ? 1 : 0);
  }

  // Runs until that cycle, or a fault.
  run(until) {
    while (this.cycles < until && !this.fault) {
      if (this.pc >= this.flash.length || this.flash[this.pc] === 0xffff) {
        this.fault = "left its program";
        return;
      }
      const number = this.mark[this.pc];
      if (number) this.enter(number);
      this.step();
      if (this.cycles >= this.nextEvent) this.events();
      if (this.waiting && this.data[SREG] & I) this.interrupt();
    }
  }

  interrupt() {
    const vector = this.vector();
    if (!vector) return;
    this.isrStart = this.cycles;
    this.pushPc(this.pc);
    this.data[SREG] &= ~I;
    this.cycles += 4;
    this.pc = 2 * vector;
  }

  enter(number) {
    if (this.frames.some((frame) => frame.number === number)) return;
    this.frames.push({ number, sp: this.sp, start: this.cycles, isr: this.isrCycles });
  }

  ret() {
    this.pc = this.popPc();
    this.cycles += this.wide ? 5 : 4;
    const sp = this.sp;
    while (this.frames.length && sp > this.frames[this.frames.length - 1].sp) {
      const frame = this.frames.pop();
      const spent = this.cycles - frame.start - (this.isrCycles - frame.isr);
      this.watched[frame.number] = (this.watched[frame.number] || 0) + spent;
    }
  }

  // ---- flags

  logic(value) {
    this.data[SREG] = (this.data[SREG] & ~(Z | N | V | S)) | (value ? 0 : Z) | (value & 0x80 ? N | S : 0);
    return value;
  }

  add(a, b, carry) {
    const sum = a + b + carry, r = sum & 255, v = (a ^ r) & (b ^ r) & 0x80, n = r & 0x80;
    this.data[SREG] = (this.data[SREG] & (I | T)) | ((a & 15) + (b & 15) + carry > 15 ? H : 0) | (v ? V : 0) |
      (n ? N : 0) | (!n !== !v ? S : 0) | (r ? 0 : Z) | (sum > 255 ? C : 0);
    return r;
  }

  // `zero`: what Z may become where the result is 0; of the wider subtractions what it was.
  sub(a, b, carry, zero) {
    const sum = a - b - carry, r = sum & 255, v = (a ^ b) & (a ^ r) & 0x80, n = r & 0x80;
    this.data[SREG] = (this.data[SREG] & (I | T)) | ((a & 15) - (b & 15) - carry < 0 ? H : 0) | (v ? V : 0) |
      (n ? N : 0) | (!n !== !v ? S : 0) | (r ? 0 : zero) | (sum < 0 ? C : 0);
    return r;
  }

  product(value, shift) {
    this.setPair(0, (value << shift) & 0xffff);
    this.data[SREG] = (this.data[SREG] & ~(C | Z)) | (value & 0x8000 ? C : 0) | ((value << shift) & 0xffff ? 0 : Z);
    this.cycles += 2;
  }

  right(d, r, carryIn) { // asr, lsr, ror
    const old = this.data[d], c = old & 1, n = r & 0x80, v = !n !== !c;
    this.data[SREG] = (this.data[SREG] & ~(C | Z | N | V | S)) | c | (r ? 0 : Z) | (n ? N : 0) | (v ? V : 0) |
      (!n !== !v ? S : 0);
    this.data[d] = r;
  }

  // ---- instructions

  skipIf(condition) {
    if (!condition) return (this.cycles += 1);
    const words = isLong(this.flash[this.pc]) ? 2 : 1;
    this.pc += words;
    this.cycles += 1 + words;
  }

  step() {
    const op = this.flash[this.pc++], data = this.data;
    const d = (op >> 4) & 31, r = (op & 15) | ((op >> 5) & 16);
    const k = (op & 15) | ((op >> 4) & 0xf0), h = 16 + ((op >> 4) & 15);
    const carry = data[SREG] & C, zero = data[SREG] & Z;
    switch (op >> 10) {
      case 0x00: return this.few(op);
      case 0x01: this.sub(data[d], data[r], carry, zero); break; // cpc
      case 0x02: data[d] = this.sub(data[d], data[r], carry, zero); break; // sbc
      case 0x03: data[d] = this.add(data[d], data[r], 0); break;
      case 0x04: return this.skipIf(data[d] === data[r]); // cpse
      case 0x05: this.sub(data[d], data[r], 0, Z); break; // cp
      case 0x06: data[d] = this.sub(data[d], data[r], 0, Z); break;
      case 0x07: data[d] = this.add(data[d], data[r], carry); break; // adc
      case 0x08: data[d] = this.logic(data[d] & data[r]); break;
      case 0x09: data[d] = this.logic(data[d] ^ data[r]); break;
      case 0x0a: data[d] = this.logic(data[d] | data[r]); break;
      case 0x0b: data[d] = data[r]; break;
      case 0x0c: case 0x0d: case 0x0e: case 0x0f: this.sub(data[h], k, 0, Z); break; // cpi
      case 0x10: case 0x11: case 0x12: case 0x13: data[h] = this.sub(data[h], k, carry, zero); break; // sbci
      case 0x14: case 0x15: case 0x16: case 0x17: data[h] = this.sub(data[h], k, 0, Z); break; // subi
      case 0x18: case 0x19: case 0x1a: case 0x1b: data[h] = this.logic(data[h] | k); break; // ori
      case 0x1c: case 0x1d: case 0x1e: case 0x1f: data[h] = this.logic(data[h] & k); break; // andi
      case 0x20: case 0x21: case 0x22: case 0x23: case 0x28: case 0x29: case 0x2a: case 0x2b:
        return this.displaced(op, d);
      case 0x24: return op & 0x200 ? this.store1(op, d) : this.load1(op, d);
      case 0x25: return op & 0x200 ? this.words(op) : this.single(op, d);
      case 0x26: return this.bits(op);
      case 0x27: this.product(data[d] * data[r], 0); return;
      case 0x2c: case 0x2d: data[d] = this.load(32 + ((op & 15) | ((op >> 5) & 48))); break; // in
      case 0x2e: case 0x2f: this.store(32 + ((op & 15) | ((op >> 5) & 48)), data[d]); break; // out
      case 0x30: case 0x31: case 0x32: case 0x33: this.pc = this.relative(op); this.cycles += 2; return; // rjmp
      case 0x34: case 0x35: case 0x36: case 0x37: return this.call(this.relative(op), 3); // rcall
      case 0x38: case 0x39: case 0x3a: case 0x3b: data[h] = k; break; // ldi
      case 0x3c: case 0x3d: { // brbs, brbc
        if (((data[SREG] >> (op & 7)) & 1) === (op & 0x400 ? 0 : 1)) {
          this.pc += ((op << 22) >> 25);
          ++this.cycles;
        }
        break;
      }
      case 0x3e: { // bld, bst
        const bit = 1 << (op & 7);
        if (op & 0x200) data[SREG] = (data[SREG] & ~T) | (data[d] & bit ? T : 0);
        else data[d] = (data[d] & ~bit) | (data[SREG] & T ? bit : 0);
        break;
      }
      case 0x3f: return this.skipIf(((data[d] >> (op & 7)) & 1) === ((op >> 9) & 1)); // sbrc, sbrs
    }
    ++this.cycles;
  }

  relative(op) { return (this.pc + ((op << 20) >> 20)) & (this.flash.length - 1); }

  few(op) { // nop, movw and the multiplications of the first kilobyte of codes
    const data = this.data, high = (op >> 4) & 15, low = op & 15;
    const signed = (register) => (data[register] << 24) >> 24;
    if (op === 0) ++this.cycles;
    else if ((op & 0xff00) === 0x0100) {
      this.setPair(2 * high, this.pair(2 * low));
      ++this.cycles;
    } else if ((op & 0xff00) === 0x0200) this.product(signed(16 + high) * signed(16 + low), 0);
    else if ((op & 0xff00) === 0x0300) {
      const a = 16 + (high & 7), b = 16 + (low & 7), second = op & 0x08, first = op & 0x80;
      if (first) this.product(signed(a) * (second ? data[b] : signed(b)), 1); // fmulsu, fmuls
      else if (second) this.product(data[a] * data[b], 1); // fmul
      else this.product(signed(a) * data[b], 0); // mulsu
    } else this.invalid(op);
  }

  displaced(op, d) { // ldd, std
    const q = (op & 7) | ((op >> 7) & 24) | ((op >> 8) & 32);
    const address = this.pair(op & 8 ? YREG : ZREG) + q;
    if (op & 0x200) this.store(address, this.data[d]);
    else this.data[d] = this.load(address);
    this.cycles += 2;
  }

  pointed(op) { // address of ld and st, with the pointer moved; -1 for none
    const pointer = { 0: ZREG, 8: YREG, 12: XREG }[op & 12], mode = op & 3;
    if (pointer === undefined || mode === 3 || (mode === 0 && pointer !== XREG)) return -1;
    const before = this.pair(pointer);
    if (mode === 1) this.setPair(pointer, before + 1);
    if (mode === 2) this.setPair(pointer, before - 1);
    return mode === 2 ? (before - 1) & 0xffff : before;
  }

  load1(op, d) { // lds, ld, lpm, elpm, pop
    this.cycles += 2;
    switch (op & 15) {
      case 0: this.data[d] = this.load(this.flash[this.pc++]); return;
      case 4: case 5: case 6: case 7: return this.fromFlash(d, op & 2, op & 1);
      case 15: this.data[d] = this.pop(); return;
    }
    const address = this.pointed(op);
    if (address < 0) return this.invalid(op);
    this.data[d] = this.load(address);
  }

  fromFlash(d, far, increment) {
    const address = this.pair(ZREG) | (far ? this.data[RAMPZ] << 16 : 0);
    this.data[d] = this.bytes[address % this.bytes.length];
    if (increment) {
      this.setPair(ZREG, address + 1);
      if (far) this.data[RAMPZ] = (address + 1) >> 16;
    }
    ++this.cycles;
  }

  store1(op, d) { // sts, st, push
    this.cycles += 2;
    if ((op & 15) === 0) return this.store(this.flash[this.pc++], this.data[d]);
    if ((op & 15) === 15) return this.push(this.data[d]);
    const value = this.data[d], address = this.pointed(op);
    if (address < 0) return this.invalid(op);
    this.store(address, value);
  }

  single(op, d) { // one register, jumps, and what stands alone
    const data = this.data, old = data[d];
    switch (op & 15) {
      case 0: data[d] = this.logic(255 - old); data[SREG] |= C; break; // com
      case 1: data[d] = this.sub(0, old, 0, Z); break; // neg
      case 2: data[d] = (old << 4) | (old >> 4); break;
      case 3: case 10: { // inc, dec
        const up = (op & 15) === 3, r = (old + (up ? 1 : 255)) & 255;
        this.logic(r);
        if (r === (up ? 0x80 : 0x7f)) data[SREG] = (data[SREG] ^ S) | V;
        data[d] = r;
        break;
      }
      case 5: this.right(d, (old >> 1) | (old & 0x80)); break; // asr
      case 6: this.right(d, old >> 1); break; // lsr
      case 7: this.right(d, (old >> 1) | ((data[SREG] & C) << 7)); break; // ror
      case 8: return this.alone(op);
      case 9: return this.indirect(op);
      case 12: case 13: case 14: case 15: { // jmp, call
        const target = (((op & 0x1f0) >> 3) | (op & 1)) << 16 | this.flash[this.pc++];
        if (op & 2) return this.call(target, 4);
        this.pc = target;
        this.cycles += 2;
        break;
      }
      default: return this.invalid(op);
    }
    ++this.cycles;
  }

  alone(op) {
    const data = this.data;
    if ((op & 0xff0f) === 0x9408) { // bset, bclr
      const bit = 1 << ((op >> 4) & 7);
      data[SREG] = op & 0x80 ? data[SREG] & ~bit : data[SREG] | bit;
      ++this.cycles;
    } else if (op === 0x9508) this.ret();
    else if (op === 0x9518) {
      this.ret();
      data[SREG] |= I;
      this.isrCycles += this.cycles - this.isrStart;
    } else if (op === 0x95c8 || op === 0x95d8) { // lpm, elpm
      this.fromFlash(0, op & 0x10, 0);
      this.cycles += 2;
    } else if (op === 0x9588) { // sleep: until something happens
      this.cycles = this.waiting || this.nextEvent === Infinity ? this.cycles + 1 : Math.max(this.cycles + 1, this.nextEvent);
    } else if (op === 0x95a8) ++this.cycles; // wdr
    else this.invalid(op);
  }

  indirect(op) { // ijmp, icall and their wide forms
    const target = this.pair(ZREG) | (op & 0x10 ? this.data[EIND] << 16 : 0);
    if ((op & 0xffef) === 0x9409) {
      this.pc = target;
      this.cycles += 2;
    } else if ((op & 0xffef) === 0x9509) this.call(target, 3);
    else this.invalid(op);
  }

  words(op) { // adiw, sbiw
    const register = 24 + ((op >> 3) & 6), k = (op & 15) | ((op >> 2) & 48), old = this.pair(register);
    const down = op & 0x100, result = (down ? old - k : old + k) & 0xffff;
    const n = result & 0x8000, v = (down ? old & ~result : ~old & result) & 0x8000;
    const c = (down ? result & ~old : ~result & old) & 0x8000;
    this.data[SREG] = (this.data[SREG] & ~(C | Z | N | V | S)) | (c ? C : 0) | (result ? 0 : Z) | (n ? N : 0) |
      (v ? V : 0) | (!n !== !v ? S : 0);
    this.setPair(register, result);
    this.cycles += 2;
  }

  bits(op) { // cbi, sbic, sbi, sbis
    const address = 32 + ((op >> 3) & 31), bit = 1 << (op & 7), set = op & 0x200;
    if (op & 0x100) return this.skipIf(!(this.load(address) & bit) === !set);
    this.store(address, set ? this.load(address) | bit : this.load(address) & ~bit);
    this.cycles += 2;
  }

  invalid(op) {
    this.fault = `met the instruction 0x${op.toString(16)}, which does not exist, at 0x${(2 * this.pc - 2).toString(16)}`;
  }
}

// Whether an instruction takes two words: lds, sts, jmp, call.
const isLong = (op) => (op & 0xfc0f) === 0x9000 || (op & 0xfe0c) === 0x940c;

if (typeof module !== "undefined") module.exports = { Avr };
