/*
 * What a device on the simulated board offers to the harness, and what the harness offers to devices.
 *
 * A device has a folder: it finds its `settings` (lines "key value") and its input there, and leaves what it saw there.
 * Times are clock cycles.
 */
#ifndef EDGEALGOS_DEVICE_H
#define EDGEALGOS_DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sim_avr.h>
#include <sim_io.h>

struct device {
  const char *kind;
  void *(*attach)(avr_t *avr, const char *folder); /* called once before the first instruction */
  void (*finish)(void *self);                      /* called once after the last one: write down what was seen */
};

extern const struct device kAnalogAudio, kMpu6050, kPinWatch, kSerialInput;

struct bytes {
  uint8_t *data;
  size_t length;
};

/* Ends the program with a message. */
void die(const char *what, const char *which);

struct bytes read_file(const char *path);

/* A file of a device's folder. */
struct bytes device_file(const char *folder, const char *name);
FILE *device_output(const char *folder, const char *name);

/* Number behind a key of the settings; the program ends if it is not there. */
int64_t device_setting(const char *folder, const char *key);

/* The simulator's own part of that kind ("adc", "twi"). */
avr_io_t *chip_part(avr_t *avr, const char *kind);

void *zeroed(size_t size);

/* Cycles of one byte on a serial line ('0', '1'), from the registers that the firmware has set. */
uint64_t cycles_per_byte(const avr_t *avr, char uart);

#endif
