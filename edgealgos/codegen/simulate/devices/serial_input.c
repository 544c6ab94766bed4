/*
 * Sends bytes to the serial port at the rate that the firmware has set, each not before its time; files: `bytes`, and
 * `times` with one 64-bit cycle for each byte.
 */
#include <stdlib.h>

#include <avr_uart.h>

#include "device.h"

enum { kUcsr0b = 0xC1, kRxen = 0x10 };

struct serial_input {
  avr_irq_t *port;
  struct bytes bytes, times;
  size_t sent;
  int full;
  uint64_t held_back; /* byte times for which a full receiver made the sender wait */
  FILE *report;
};

static avr_cycle_count_t send_byte(avr_t *avr, avr_cycle_count_t when, void *param) {
  struct serial_input *input = param;
  const uint64_t *times = (const uint64_t *)(const void *)input->times.data;
  if (input->sent == input->bytes.length) return 0;
  if (times[input->sent] > avr->cycle) return times[input->sent];
  if (!(avr->data[kUcsr0b] & kRxen)) return when + 1000; /* nobody listens yet */
  if (input->full)
    ++input->held_back;
  else
    avr_raise_irq(input->port, input->bytes.data[input->sent++]);
  return when + cycles_per_byte(avr, '0');
}

static void note_full(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  if (value) ((struct serial_input *)param)->full = 1;
}

static void note_room(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  if (value) ((struct serial_input *)param)->full = 0;
}

static void *attach(avr_t *avr, const char *folder) {
  struct serial_input *input = zeroed(sizeof *input);
  input->bytes = device_file(folder, "bytes");
  input->times = device_file(folder, "times");
  input->report = device_output(folder, "report");
  input->port = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), note_full, input);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), note_room, input);
  avr_cycle_timer_register(avr, 1, send_byte, input);
  return input;
}

static void finish(void *self) {
  struct serial_input *input = self;
  fprintf(input->report, "sent %zu\nheld_back %llu\n", input->sent, (unsigned long long)input->held_back);
  fclose(input->report);
  free(input->bytes.data);
  free(input->times.data);
  free(input);
}

const struct device kSerialInput = {"serial_input", attach, finish};
