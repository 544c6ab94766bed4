/* The two-wire (I2C) port of the chip with true timing, and what a device on its bus offers. */
#ifndef EDGEALGOS_TWO_WIRE_H
#define EDGEALGOS_TWO_WIRE_H

#include <sim_avr.h>

struct two_wire_device {
  uint8_t address; /* 7 bits */
  void *self;
  int (*select)(void *self, int is_read);     /* its address was sent: does it acknowledge? */
  int (*write)(void *self, uint8_t byte);     /* a byte for it: does it acknowledge? */
  uint8_t (*read)(void *self);                /* a byte from it */
  int (*holds_the_bus)(void *self);           /* does it keep the data line low, so that nobody can start? */
  void (*clocked)(void *self);                /* the clock line was pulled low and let go by hand */
};

/* Puts a device on the bus; the first one takes the port over from the simulator. */
void two_wire_add(avr_t *avr, const struct two_wire_device *device);

#endif
