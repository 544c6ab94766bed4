/* Writes down when an output pin changes; settings: port (a letter's code), bit. */
#include <stdlib.h>

#include <avr_ioport.h>

#include "device.h"

struct pin_watch {
  avr_t *avr;
  FILE *changes; /* lines "<cycle> <level>" */
  int level;
};

static void take_change(struct avr_irq_t *irq, uint32_t value, void *param) {
  struct pin_watch *watch = param;
  int level = value & 1;
  (void)irq;
  if (level == watch->level) return;
  watch->level = level;
  fprintf(watch->changes, "%llu %d\n", (unsigned long long)watch->avr->cycle, level);
}

static void *attach(avr_t *avr, const char *folder) {
  struct pin_watch *watch = zeroed(sizeof *watch);
  watch->avr = avr;
  watch->changes = device_output(folder, "changes");
  char port = (char)device_setting(folder, "port");
  int bit = (int)device_setting(folder, "bit");
  avr_irq_t *pin = avr_io_getirq(avr, (uint32_t)AVR_IOCTL_IOPORT_GETIRQ(port), bit);
  if (!pin) die("no such pin on", avr->mmcu);
  avr_irq_register_notify(pin, take_change, watch);
  return watch;
}

static void finish(void *self) {
  struct pin_watch *watch = self;
  fclose(watch->changes);
  free(watch);
}

const struct device kPinWatch = {"pin_watch", attach, finish};
