/* What the parts of the runner share: its state, and the serial port as the rest sees it. */
#ifndef EDGEALGOS_SIMAVR_RUNNER_H
#define EDGEALGOS_SIMAVR_RUNNER_H

#include <stdint.h>
#include <stdio.h>

#include <sim_avr.h>

#include "devices/device.h"

enum { kMaxWatches = 16, kMaxFrames = 64, kFlashWords = 131072 }; /* of the largest AVR */
enum { kMaxDevices = 16 };

enum status { kRunning, kDone, kCrashed, kRestarted, kSilent, kRefused, kOutOfStep, kLineTooLong };

struct frame { /* a call that has not returned yet */
  int watch;
  uint16_t sp;
  uint64_t cycle;
  uint64_t isr_cycles;
};

struct watch {
  uint64_t cycles, calls;
  int active;
};

struct attached {
  const struct device *device;
  void *self;
};

struct runner {
  avr_t *avr;
  char uart; /* '0', '1', .. */
  avr_irq_t *to_uart;
  FILE *log;
  FILE *times, *calls; /* NULL when there are rows */
  struct attached devices[kMaxDevices];
  int device_count;
  enum status status;
  uint64_t limit;    /* cycles allowed between two answers */
  uint64_t progress; /* cycle of the last answer */

  uint8_t mark[kFlashWords];
  int8_t watch_at[kFlashWords];
  struct watch watches[kMaxWatches];
  int watch_count;
  struct frame frames[kMaxFrames];
  int depth, isr_depth, watch_depth;
  uint16_t return_sp; /* a stack pointer above it may mean that the innermost frame has returned */
  uint64_t isr_cycles, isr_cycles_at_row;
  uint64_t outer_cycles;

  int console; /* no serial port, but functions that stand for it */
  int in_main;
  uint16_t lowest_sp; /* outside of interrupt handlers */
  uint16_t interrupted_sp, deepest_isr; /* where the handler that runs began; bytes of the deepest one */
  uint64_t mended;

  struct bytes rows;
  size_t sent;        /* bytes of rows that went out */
  int ready, sending; /* sending: a row is on the wire */
  int paused;         /* the receiver is full */
  uint64_t held_back;
  size_t line_length;
  char line_start;
};

/* The next row of `rows` goes out; without one the run is done. */
void send_next_row(struct runner *r);

/* The firmware has printed a byte. */
void take_byte(struct runner *r, uint32_t value);

/* Connect the wires of the port that the firmware prints to. */
void attach_uart(struct runner *r, char uart);

#endif
