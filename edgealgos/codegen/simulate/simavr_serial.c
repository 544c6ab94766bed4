/* The simulated serial port: sends rows in lock-step with the firmware's answers and reads those; measures nothing. */
#include <stdio.h>

#include <avr_uart.h>

#include "simavr_runner.h"

enum { kLineLength = 8192 };

static uint64_t byte_time(const struct runner *r) { return cycles_per_byte(r->avr, r->uart); }

/* Called when the wire is free: puts the next byte of the row on it. */
static avr_cycle_count_t send_byte(avr_t *avr, avr_cycle_count_t when, void *param) {
  (void)avr;
  struct runner *r = param;
  if (!r->sending) return 0;
  if (r->paused) {
    ++r->held_back;
    return when + byte_time(r);
  }
  uint8_t byte = r->rows.data[r->sent++];
  avr_raise_irq(r->to_uart, byte);
  if (byte == '\n' || r->sent == r->rows.length) {
    r->sending = 0;
    return 0;
  }
  return when + byte_time(r);
}

void send_next_row(struct runner *r) {
  if (r->sent >= r->rows.length) {
    r->status = kDone;
    return;
  }
  r->sending = 1;
  if (!r->console) avr_cycle_timer_register(r->avr, byte_time(r), send_byte, r);
}

static void report_row(struct runner *r) {
  printf("row %llu %llu", (unsigned long long)r->outer_cycles, (unsigned long long)(r->isr_cycles - r->isr_cycles_at_row));
  for (int i = 0; i < r->watch_count; ++i) {
    printf(" %llu %llu", (unsigned long long)r->watches[i].cycles, (unsigned long long)r->watches[i].calls);
    r->watches[i].cycles = r->watches[i].calls = 0;
  }
  putchar('\n');
  fflush(stdout);
  r->outer_cycles = 0;
  r->isr_cycles_at_row = r->isr_cycles;
}

static void take_line(struct runner *r) {
  char start = r->line_start;
  if (start == '!') {
    r->status = kRefused;
  } else if (start == '#') {
    if (r->ready) return; /* a remark */
    r->ready = 1;
    r->progress = r->avr->cycle;
    send_next_row(r);
  } else if (!r->ready) {
    return; /* boot messages */
  } else if (r->sending) {
    r->status = kOutOfStep;
  } else {
    report_row(r);
    r->progress = r->avr->cycle;
    send_next_row(r);
  }
}

void take_byte(struct runner *r, uint32_t value) {
  fputc((int)value, r->log);
  if (r->times) {
    if (value == '\n') fwrite(&r->avr->cycle, sizeof r->avr->cycle, 1, r->times);
    return;
  }
  if (value == '\n') {
    take_line(r);
    r->line_length = 0;
    return;
  }
  if (r->line_length == 0) r->line_start = (char)value;
  if (++r->line_length > kLineLength) r->status = kLineTooLong;
}

static void receive_byte(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  take_byte(param, value);
}

static void pause_sending(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  if (value) ((struct runner *)param)->paused = 1;
}

static void resume_sending(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  if (value) ((struct runner *)param)->paused = 0;
}

void attach_uart(struct runner *r, char uart) {
  avr_t *avr = r->avr;
  uint32_t flags = 0; /* no echo on the console, no sleeping while the firmware polls */
  avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS(uart), &flags);
  r->to_uart = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(uart), UART_IRQ_INPUT);
  if (!r->to_uart) die("no serial port on", avr->mmcu);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(uart), UART_IRQ_OUTPUT), receive_byte, r);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(uart), UART_IRQ_OUT_XOFF), pause_sending, r);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(uart), UART_IRQ_OUT_XON), resume_sending, r);
}
