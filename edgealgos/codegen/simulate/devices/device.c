/* Files, settings and chip parts for devices on the simulated board; knows no device. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

enum { kPathLength = 4096 };
enum { kUarts = 0xC0, kUartSize = 8, kUcsra = 0, kUcsrc = 2, kUbrrl = 4, kUbrrh = 5 };

void die(const char *what, const char *which) {
  fprintf(stderr, "simavr_runner: %s %s\n", what, which);
  exit(2);
}

void *zeroed(size_t size) {
  void *memory = calloc(1, size);
  if (!memory) die("no memory for", "a device");
  return memory;
}

struct bytes read_file(const char *path) {
  struct bytes bytes = {NULL, 0};
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) die("cannot read", path);
  bytes.length = (size_t)ftell(file);
  rewind(file);
  bytes.data = zeroed(bytes.length + 1);
  if (fread(bytes.data, 1, bytes.length, file) != bytes.length) die("cannot read", path);
  fclose(file);
  return bytes;
}

static const char *path_in(const char *folder, const char *name) {
  static char path[kPathLength];
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) die("path too long:", folder);
  return path;
}

struct bytes device_file(const char *folder, const char *name) { return read_file(path_in(folder, name)); }

FILE *device_output(const char *folder, const char *name) {
  FILE *file = fopen(path_in(folder, name), "wb");
  if (!file) die("cannot write", path_in(folder, name));
  return file;
}

int64_t device_setting(const char *folder, const char *key) {
  struct bytes settings = device_file(folder, "settings"); /* ends with a zero byte */
  size_t length = strlen(key);
  for (const char *line = (const char *)settings.data; line; line = strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (strncmp(line, key, length) || line[length] != ' ') continue;
    int64_t value = strtoll(line + length, NULL, 10);
    free(settings.data);
    return value;
  }
  die("a device lacks the setting", key);
  return 0;
}

avr_io_t *chip_part(avr_t *avr, const char *kind) {
  for (avr_io_t *part = avr->io_port; part; part = part->next)
    if (!strcmp(part->kind, kind)) return part;
  die("the processor lacks the part", kind);
  return NULL;
}

/*
 * The serial port of simavr takes a parity bit for granted; bytes sent faster than it hands them on would pile up in its
 * queue and look like a slow sketch.
 */
uint64_t cycles_per_byte(const avr_t *avr, char uart) {
  const uint8_t *data = avr->data + kUarts + (uart - '0') * kUartSize;
  uint64_t divider = (((data[kUbrrh] & 0x0F) << 8) | data[kUbrrl]) + 1;
  uint64_t per_bit = divider * ((data[kUcsra] & 0x02) ? 8 : 16);
  unsigned data_bits = 5 + ((data[kUcsrc] >> 1) & 3);
  unsigned parity_bits = 1;
  unsigned stop_bits = (data[kUcsrc] & 0x08) ? 2 : 1;
  return per_bit * (1 + data_bits + parity_bits + stop_bits);
}
