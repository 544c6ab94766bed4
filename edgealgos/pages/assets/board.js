// An Arduino board around the processor: serial port 0, timer 0 (which millis() counts with) and the LED. What a sketch
// writes to other registers is kept and has no effect. Knows lines of text, no models and no page.
"use strict";

const UCSRA = 0xc0, UCSRB = 0xc1, UBRRL = 0xc4, UBRRH = 0xc5, UDR = 0xc6;
const RXC = 0x80, TXC = 0x40, UDRE = 0x20, U2X = 0x02;
const TIFR0 = 0x35, TCCR0B = 0x45, TCNT0 = 0x46, TIMSK0 = 0x6e, TOV = 1;
const PRESCALERS = [0, 1, 8, 64, 256, 1024, 0, 0];

// Memory, interrupt vectors (serial: received, register empty, sent) and the LED's port and bit.
const UNO = { ramStart: 0x100, overflow: 16, received: 18, led: [0x25, 5] };
const MEGA = { ramStart: 0x200, overflow: 23, received: 25, led: [0x25, 7] };
const CHIPS = {
  atmega168: { ...UNO, flashWords: 0x2000, ramBytes: 0x400 },
  atmega328p: { ...UNO, flashWords: 0x4000, ramBytes: 0x800 },
  atmega1280: { ...MEGA, flashWords: 0x10000, ramBytes: 0x2000 },
  atmega2560: { ...MEGA, flashWords: 0x20000, ramBytes: 0x2000 },
};

class Board {
  // image: bytes of the flash; watched: word addresses of functions to measure, each with its number from 1.
  constructor(image, chip, watched = []) {
    this.chip = CHIPS[chip];
    const cpu = (this.cpu = new Avr(image, this.chip));
    for (const [address, number] of watched) cpu.mark[address] = number;
    this.out = []; // bytes that the sketch has printed, not yet taken
    this.input = []; // bytes on their way to it
    this.status = UDRE;
    this.received = 0;
    this.sending = this.queued = -1; // the byte on the line, the one behind it
    this.sentAt = this.arrivesAt = Infinity;
    this.timer = { base: 0, scale: 0, count: 0 };
    this.overflowed = false;
    this.overflowAt = Infinity;
    this.lit = false;
    this.onLed = () => {};
    this.attach(cpu);
  }

  attach(cpu) {
    const { data, readers, writers } = cpu;
    readers[UCSRA] = () => this.status | (data[UCSRA] & U2X);
    writers[UCSRA] = (value) => {
      data[UCSRA] = value & U2X;
      if (value & TXC) this.status &= ~TXC;
    };
    writers[UCSRB] = (value) => {
      data[UCSRB] = value;
      this.settle();
    };
    readers[UDR] = () => {
      this.status &= ~RXC;
      this.settle();
      return this.received;
    };
    writers[UDR] = (value) => this.transmit(value);
    readers[TCNT0] = () => this.counted() & 255;
    writers[TCNT0] = (value) => this.restartTimer(value, this.timer.scale);
    writers[TCCR0B] = (value) => {
      data[TCCR0B] = value;
      this.restartTimer(this.counted() & 255, PRESCALERS[value & 7]);
    };
    readers[TIFR0] = () => (this.overflowed ? TOV : 0);
    writers[TIFR0] = (value) => {
      if (value & TOV) this.overflowed = false;
      this.settle();
    };
    writers[TIMSK0] = (value) => {
      data[TIMSK0] = value;
      this.settle();
    };
    const [port, bit] = this.chip.led;
    writers[port] = (value) => {
      data[port] = value;
      const lit = !!((value >> bit) & 1);
      if (lit !== this.lit) this.onLed((this.lit = lit));
    };
    cpu.events = () => this.happen();
    cpu.vector = () => this.served();
  }

  // ---- time

  get byteCycles() {
    const { data } = this.cpu;
    return 10 * (data[UCSRA] & U2X ? 8 : 16) * ((data[UBRRL] | (data[UBRRH] << 8)) + 1);
  }

  counted() {
    const { base, scale, count } = this.timer;
    return scale ? count + Math.floor((this.cpu.cycles - base) / scale) : count;
  }

  restartTimer(count, scale) {
    this.timer = { base: this.cpu.cycles, scale, count };
    this.overflowAt = scale ? this.cpu.cycles + (256 - count) * scale : Infinity;
    this.settle();
  }

  happen() {
    const now = this.cpu.cycles;
    if (now >= this.overflowAt) {
      this.overflowed = true;
      this.overflowAt += 256 * this.timer.scale;
    }
    if (now >= this.sentAt) this.finishByte();
    if (now >= this.arrivesAt) this.deliver();
    this.settle();
  }

  // When something will happen next, and whether an interrupt waits.
  settle() {
    const { cpu } = this, { data } = cpu;
    cpu.nextEvent = Math.min(this.overflowAt, this.sentAt, this.arrivesAt);
    cpu.waiting = !!((this.overflowed && data[TIMSK0] & TOV) || this.status & data[UCSRB] & (RXC | TXC | UDRE));
  }

  served() {
    const enabled = this.status & this.cpu.data[UCSRB], { overflow, received } = this.chip;
    let vector = 0;
    if (this.overflowed && this.cpu.data[TIMSK0] & TOV) {
      this.overflowed = false;
      vector = overflow;
    } else if (enabled & RXC) vector = received;
    else if (enabled & UDRE) vector = received + 1;
    else if (enabled & TXC) {
      this.status &= ~TXC;
      vector = received + 2;
    }
    this.settle();
    return vector;
  }

  // ---- the serial port

  transmit(value) {
    if (this.sending < 0) {
      this.sending = value;
      this.sentAt = this.cpu.cycles + this.byteCycles;
    } else {
      this.queued = value;
      this.status &= ~UDRE;
    }
    this.settle();
  }

  finishByte() {
    this.out.push(this.sending);
    this.sending = this.queued;
    this.queued = -1;
    this.status |= UDRE;
    this.sentAt = this.sending < 0 ? Infinity : this.sentAt + this.byteCycles;
    if (this.sending < 0) this.status |= TXC;
  }

  // Waits, as a patient host would, where the byte before was not read yet.
  deliver() {
    const { byteCycles, cpu } = this;
    if (!(this.status & RXC)) {
      this.received = this.input.shift();
      this.status |= RXC;
    }
    this.arrivesAt = this.input.length ? cpu.cycles + byteCycles : Infinity;
  }

  type(text) {
    const idle = !this.input.length;
    for (const letter of text) this.input.push(letter.charCodeAt(0) & 255);
    if (idle && this.input.length) this.arrivesAt = this.cpu.cycles + this.byteCycles;
    this.settle();
  }

  // What was printed since it was asked last.
  printed() {
    return String.fromCharCode(...this.out.splice(0));
  }

  // Cycles of the functions watched since it was asked last, by number.
  spent() {
    const { watched } = this.cpu;
    this.cpu.watched = {};
    return watched;
  }
}

if (typeof module !== "undefined") module.exports = { Board };
