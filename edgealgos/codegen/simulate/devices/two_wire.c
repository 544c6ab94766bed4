/*
 * The two-wire port of the ATmega328 as master, by the data sheet: start 1 bit, address and data 9 bits, stop 1 bit of
 * the rate that TWBR and the prescaler set. simavr's own takes no time for start, stop and written addresses, which would
 * let a driver look faster than it is. As slave the port does nothing.
 */
#include "two_wire.h"

#include <avr_ioport.h>
#include <avr_twi.h>

#include "device.h"

enum { kTwbr = 0xB8, kTwsr = 0xB9, kTwdr = 0xBB, kTwcr = 0xBC };
enum { kTwint = 0x80, kTwea = 0x40, kTwsta = 0x20, kTwsto = 0x10, kTwen = 0x04 };
enum {
  kNothing = 0xF8,
  kStarted = 0x08,
  kRestarted = 0x10,
  kWriteAcknowledged = 0x18,
  kWriteRefused = 0x20,
  kSentAcknowledged = 0x28,
  kSentRefused = 0x30,
  kReadAcknowledged = 0x40,
  kReadRefused = 0x48,
  kReceivedAcknowledged = 0x50,
  kReceivedLast = 0x58
};
enum { kMaxDevices = 4, kClockPin = 5 /* of port C */ };

static struct {
  avr_t *avr;
  avr_int_vector_t *interrupt;
  struct two_wire_device devices[kMaxDevices];
  int count;
  int owned;                        /* between a start and its stop */
  struct two_wire_device *selected; /* acknowledged its address */
  uint8_t next_status;
  int clock_is_low; /* a pin pulls it */
} bus;

static uint8_t *reg(int address) { return &bus.avr->data[address]; }

static uint8_t status(void) { return *reg(kTwsr) & 0xF8; }

static void set_status(uint8_t value) { *reg(kTwsr) = (uint8_t)((*reg(kTwsr) & 0x03) | value); }

static uint64_t bit_cycles(void) { return 16u + 2u * *reg(kTwbr) * (1u << 2 * (*reg(kTwsr) & 0x03)); }

static avr_cycle_count_t end_step(avr_t *avr, avr_cycle_count_t when, void *param) {
  (void)when;
  (void)param;
  set_status(bus.next_status);
  avr_raise_interrupt(avr, bus.interrupt); /* sets TWINT */
  return 0;
}

static void end_later(int bits, uint8_t next_status) {
  bus.next_status = next_status;
  avr_cycle_timer_register(bus.avr, bits * bit_cycles(), end_step, NULL);
}

static int is_held(void) {
  for (int i = 0; i < bus.count; ++i)
    if (bus.devices[i].holds_the_bus(bus.devices[i].self)) return 1;
  return 0;
}

/* The start condition waits for a free bus. */
static avr_cycle_count_t try_start(avr_t *avr, avr_cycle_count_t when, void *param) {
  if (is_held()) return when + bit_cycles();
  uint8_t next = bus.owned ? kRestarted : kStarted;
  bus.owned = 1;
  bus.selected = NULL;
  bus.next_status = next;
  return end_step(avr, when, param);
}

static avr_cycle_count_t end_stop(avr_t *avr, avr_cycle_count_t when, void *param) {
  (void)avr;
  (void)when;
  (void)param;
  *reg(kTwcr) &= (uint8_t)~kTwsto;
  if (*reg(kTwcr) & kTwsta) avr_cycle_timer_register(bus.avr, bit_cycles(), try_start, NULL);
  return 0;
}

static void send_address(uint8_t byte) {
  int is_read = byte & 1;
  bus.selected = NULL;
  for (int i = 0; i < bus.count; ++i) {
    struct two_wire_device *device = &bus.devices[i];
    if (device->address == byte >> 1 && device->select(device->self, is_read)) bus.selected = device;
  }
  if (is_read)
    end_later(9, bus.selected ? kReadAcknowledged : kReadRefused);
  else
    end_later(9, bus.selected ? kWriteAcknowledged : kWriteRefused);
}

static void send_byte(uint8_t byte) {
  int acknowledged = bus.selected && bus.selected->write(bus.selected->self, byte);
  end_later(9, acknowledged ? kSentAcknowledged : kSentRefused);
}

static void receive_byte(int acknowledge) {
  *reg(kTwdr) = bus.selected ? bus.selected->read(bus.selected->self) : 0xFF;
  end_later(9, acknowledge ? kReceivedAcknowledged : kReceivedLast);
}

static void go_on(uint8_t control) {
  switch (status()) {
    case kStarted:
    case kRestarted:
      send_address(*reg(kTwdr));
      break;
    case kWriteAcknowledged:
    case kWriteRefused:
    case kSentAcknowledged:
    case kSentRefused:
      send_byte(*reg(kTwdr));
      break;
    case kReadAcknowledged:
    case kReceivedAcknowledged:
      receive_byte(control & kTwea);
      break;
  }
}

static void cancel(void) {
  avr_cycle_timer_cancel(bus.avr, end_step, NULL);
  avr_cycle_timer_cancel(bus.avr, try_start, NULL);
  avr_cycle_timer_cancel(bus.avr, end_stop, NULL);
}

static void switch_off(uint8_t control) {
  cancel();
  avr_clear_interrupt(bus.avr, bus.interrupt);
  *reg(kTwcr) = control & (uint8_t)~(kTwint | kTwsta | kTwsto);
  set_status(kNothing);
  bus.owned = 0;
  bus.selected = NULL;
}

/* A one written to TWINT clears it and begins the next step. */
static void write_control(avr_t *avr, avr_io_addr_t address, uint8_t control, void *param) {
  uint8_t flag = *reg(kTwcr) & kTwint;
  (void)param;
  if (!(control & kTwen)) {
    switch_off(control);
    return;
  }
  if (!(control & kTwint)) {
    avr_core_watch_write(avr, address, control | flag);
    return;
  }
  avr_clear_interrupt(avr, bus.interrupt);
  avr_core_watch_write(avr, address, control & (uint8_t)~kTwint);
  cancel();
  if (control & kTwsto) {
    set_status(kNothing);
    bus.owned = 0;
    bus.selected = NULL;
    avr_cycle_timer_register(avr, bit_cycles(), end_stop, NULL);
  } else if (control & kTwsta) {
    avr_cycle_timer_register(avr, bit_cycles(), try_start, NULL);
  } else {
    go_on(control);
  }
}

/* Only the prescaler can be written. */
static void write_status(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param) {
  (void)param;
  avr_core_watch_write(avr, address, (uint8_t)(status() | (value & 0x03)));
}

static void write_data(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param) {
  (void)param;
  avr_core_watch_write(avr, address, value);
}

static uint8_t read_data(avr_t *avr, avr_io_addr_t address, void *param) {
  (void)param;
  return avr->data[address];
}

/* An output pin of a driver without the port pulls a line low, an input lets it go. */
static void take_direction(struct avr_irq_t *irq, uint32_t outputs, void *param) {
  int is_low = outputs >> kClockPin & 1;
  (void)irq;
  (void)param;
  if (bus.clock_is_low && !is_low)
    for (int i = 0; i < bus.count; ++i) bus.devices[i].clocked(bus.devices[i].self);
  bus.clock_is_low = is_low;
}

static void take_write(avr_io_addr_t address, avr_io_write_t write) {
  bus.avr->io[AVR_DATA_TO_IO(address)].w.c = write;
  bus.avr->io[AVR_DATA_TO_IO(address)].w.param = NULL;
}

static void take_over(avr_t *avr) {
  bus.avr = avr;
  bus.interrupt = &((avr_twi_t *)chip_part(avr, "twi"))->twi;
  take_write(kTwcr, write_control);
  take_write(kTwsr, write_status);
  take_write(kTwdr, write_data);
  avr->io[AVR_DATA_TO_IO(kTwdr)].r.c = read_data;
  set_status(kNothing);
  avr_irq_t *direction = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('C'), IOPORT_IRQ_DIRECTION_ALL);
  avr_irq_register_notify(direction, take_direction, NULL);
}

void two_wire_add(avr_t *avr, const struct two_wire_device *device) {
  if (!bus.avr) take_over(avr);
  if (bus.count == kMaxDevices) die("too many devices on the", "two-wire bus");
  bus.devices[bus.count++] = *device;
}
