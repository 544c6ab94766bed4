/*
 * The accelerometer and gyroscope MPU-6050 on the two-wire bus, as far as drivers use it: power, sample rate, data
 * registers with burst reads, FIFO, interrupt status; its axes follow a stream of rows in time.
 *
 * Settings: address; cycles_per_row and cycles_per_tick (of its 8 kHz clock), both in 1/65536 cycles. Files: `rows`, six
 * 16-bit numbers each (acceleration x y z, rotation x y z); `faults`, three 64-bit numbers each: kind, first cycle, end.
 *
 * The stream begins when the sensor is first woken. Nothing is computed until somebody asks: then all samples that
 * are due since the last time are taken.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "two_wire.h"

enum {
  kSampleDivider = 0x19,
  kConfig = 0x1A,
  kFifoEnable = 0x23,
  kInterruptStatus = 0x3A,
  kFirstData = 0x3B,
  kTemperature = 0x41,
  kLastData = 0x48,
  kUserControl = 0x6A,
  kPower = 0x6B,
  kFifoCountHigh = 0x72,
  kFifoCountLow = 0x73,
  kFifoData = 0x74,
  kWhoAmI = 0x75,
  kRegisters = 0x80
};
enum { kDataReady = 0x01, kOverflow = 0x10, kUseFifo = 0x40, kResetFifo = 0x04, kReset = 0x80, kSleep = 0x40 };
enum { kFifoBytes = 1024, kAxes = 6, kDataBytes = 14, kClocksOfByte = 9 };
enum fault_kind { kSilent, kUnplugged, kStuck, kFlood, kHung };

struct fault {
  int64_t kind, from, until;
};

struct sample {
  uint32_t number, row;
};

struct fifo_byte {
  uint8_t value;
  uint8_t place; /* in its sample, from 0 */
  uint8_t is_last;
  struct sample sample;
};

struct mpu6050 {
  avr_t *avr;
  struct bytes rows, faults;
  uint64_t row_cycles, tick_cycles; /* times 65536 */
  uint8_t registers[kRegisters];
  uint8_t pointer;
  int pointer_follows; /* the next byte written is a register's number */

  int begun;
  uint64_t begin;         /* cycle at which row 0 begins */
  uint64_t phase;         /* cycle at which the divider was last set */
  uint64_t taken;         /* samples taken since then */
  uint32_t number;        /* samples taken since reset of the board */
  struct sample sample;   /* in the data registers */
  uint8_t data[kDataBytes], shown[kDataBytes]; /* shown: what a burst reads, held while it lasts */
  struct sample shown_sample;

  struct fifo_byte fifo[kFifoBytes];
  unsigned fifo_start, fifo_count;
  struct fifo_byte last;  /* what an empty FIFO goes on giving */
  int burst_next;         /* place expected next in a sample read byte by byte */
  int clocks;             /* by hand, while it hung */
  int64_t called;         /* cycle at which its address was last sent */
  uint64_t overflows, torn, refused;
  FILE *report;
  FILE *reads;            /* two 32-bit numbers for each sample that was read whole: its number and its row */
};

static const struct fault *active(const struct mpu6050 *sensor, enum fault_kind kind) {
  const struct fault *faults = (const struct fault *)(const void *)sensor->faults.data;
  int64_t now = (int64_t)sensor->avr->cycle;
  for (size_t i = 0; i < sensor->faults.length / sizeof *faults; ++i)
    if (faults[i].kind == (int64_t)kind && faults[i].from <= now && now < faults[i].until) return &faults[i];
  return NULL;
}

/* ---- samples ------------------------------------------------------------------------------------------------ */

static void restart_samples(struct mpu6050 *sensor) {
  sensor->phase = sensor->avr->cycle;
  sensor->taken = 0;
}

static void power_up(struct mpu6050 *sensor) {
  memset(sensor->registers, 0, sizeof sensor->registers);
  memset(sensor->data, 0, sizeof sensor->data);
  sensor->registers[kPower] = kSleep;
  sensor->registers[kWhoAmI] = 0x68;
  sensor->fifo_count = 0;
  restart_samples(sensor);
}

static uint64_t sample_cycles(const struct mpu6050 *sensor) { /* times 65536 */
  unsigned filter = sensor->registers[kConfig] & 7;
  unsigned ticks = filter == 0 || filter == 7 ? 1 : 8;
  return sensor->tick_cycles * ticks * (1u + sensor->registers[kSampleDivider]);
}

static void push_byte(struct mpu6050 *sensor, int index, uint8_t place, int is_last) {
  struct fifo_byte byte = {sensor->data[index], place, (uint8_t)is_last, sensor->sample};
  if (sensor->fifo_count == kFifoBytes) { /* the oldest byte gives way */
    sensor->fifo_start = (sensor->fifo_start + 1) % kFifoBytes;
    --sensor->fifo_count;
    sensor->overflows += !(sensor->registers[kInterruptStatus] & kOverflow);
    sensor->registers[kInterruptStatus] |= kOverflow;
  }
  sensor->fifo[(sensor->fifo_start + sensor->fifo_count++) % kFifoBytes] = byte;
}

/* Whether that byte of the data registers goes into the FIFO: acceleration, temperature, x, y, z rotation. */
static int is_enabled(const struct mpu6050 *sensor, int index) {
  static const uint8_t bits[kDataBytes / 2] = {0x08, 0x08, 0x08, 0x80, 0x40, 0x20, 0x10};
  return sensor->registers[kFifoEnable] & bits[index / 2];
}

static void push_sample(struct mpu6050 *sensor) {
  int last = -1;
  for (int i = 0; i < kDataBytes; ++i)
    if (is_enabled(sensor, i)) last = i;
  uint8_t place = 0;
  for (int i = 0; i <= last; ++i)
    if (is_enabled(sensor, i)) push_byte(sensor, i, place++, i == last);
}

static void put(struct mpu6050 *sensor, int index, int16_t value) {
  sensor->data[index] = (uint8_t)((uint16_t)value >> 8);
  sensor->data[index + 1] = (uint8_t)value;
}

static void take_sample(struct mpu6050 *sensor, uint64_t when) {
  const int16_t *rows = (const int16_t *)(const void *)sensor->rows.data;
  size_t count = sensor->rows.length / (2 * kAxes);
  const struct fault *stuck = active(sensor, kStuck);
  if (stuck && (uint64_t)stuck->from < when) when = (uint64_t)stuck->from;
  uint64_t row = when > sensor->begin ? ((when - sensor->begin) << 16) / sensor->row_cycles : 0;
  sensor->sample = (struct sample){sensor->number++, (uint32_t)row};
  const int16_t *axes = rows + kAxes * (row < count ? row : count - 1);
  for (int i = 0; i < 3; ++i) {
    put(sensor, 2 * i, axes[i]);
    put(sensor, 8 + 2 * i, axes[3 + i]);
  }
  put(sensor, kTemperature - kFirstData, -4208); /* 24.2 degrees */
  sensor->registers[kInterruptStatus] |= kDataReady;
  if (sensor->registers[kUserControl] & kUseFifo) push_sample(sensor);
}

/* Takes the samples that are due by now. */
static void catch_up(struct mpu6050 *sensor) {
  uint64_t step = sample_cycles(sensor);
  uint64_t due = ((sensor->avr->cycle - sensor->phase) << 16) / step;
  if (sensor->registers[kPower] & kSleep) return;
  for (; sensor->taken < due; ++sensor->taken) take_sample(sensor, sensor->phase + (((sensor->taken + 1) * step) >> 16));
  const struct fault *flood = active(sensor, kFlood);
  while (flood && sensor->registers[kUserControl] & kUseFifo && sensor->registers[kFifoEnable] &&
         !(sensor->registers[kInterruptStatus] & kOverflow))
    push_sample(sensor);
}

/* A sensor that lost its power since it was last called is as it was made. */
static void suffer(struct mpu6050 *sensor) {
  const struct fault *faults = (const struct fault *)(const void *)sensor->faults.data;
  int64_t now = (int64_t)sensor->avr->cycle;
  for (size_t i = 0; i < sensor->faults.length / sizeof *faults; ++i)
    if (faults[i].kind == kUnplugged && sensor->called < faults[i].from && faults[i].from <= now) power_up(sensor);
  sensor->called = now;
}

/* ---- registers ---------------------------------------------------------------------------------------------- */

static void note_read(struct mpu6050 *sensor, struct sample sample) {
  fwrite(&sample, sizeof sample, 1, sensor->reads);
}

/* A sample counts as read when all its bytes were read in their order. */
static uint8_t read_fifo(struct mpu6050 *sensor) {
  if (!sensor->fifo_count) return sensor->last.value;
  struct fifo_byte byte = sensor->fifo[sensor->fifo_start];
  sensor->fifo_start = (sensor->fifo_start + 1) % kFifoBytes;
  --sensor->fifo_count;
  int follows = byte.place == 0 || (byte.place == sensor->burst_next && byte.sample.number == sensor->last.sample.number);
  sensor->burst_next = follows ? byte.place + 1 : -1;
  if (byte.is_last && follows) note_read(sensor, byte.sample);
  if (byte.is_last && !follows) ++sensor->torn;
  sensor->last = byte;
  return byte.value;
}

static uint8_t read_data(struct mpu6050 *sensor, uint8_t address) {
  if (address == kFirstData) sensor->burst_next = kFirstData;
  int follows = address == sensor->burst_next;
  sensor->burst_next = follows ? address + 1 : -1;
  if (address == kLastData && follows) note_read(sensor, sensor->shown_sample);
  return sensor->shown[address - kFirstData];
}

static uint8_t read_register(struct mpu6050 *sensor, uint8_t address) {
  if (address >= kFirstData && address <= kLastData) return read_data(sensor, address);
  if (address == kFifoCountHigh) return (uint8_t)(sensor->fifo_count >> 8);
  if (address == kFifoCountLow) return (uint8_t)sensor->fifo_count;
  if (address == kFifoData) return read_fifo(sensor);
  uint8_t value = sensor->registers[address];
  if (address == kInterruptStatus) sensor->registers[address] = 0;
  return value;
}

static void write_power(struct mpu6050 *sensor, uint8_t value) {
  if (value & kReset) {
    power_up(sensor);
    return;
  }
  int wakes = (sensor->registers[kPower] & kSleep) && !(value & kSleep);
  sensor->registers[kPower] = value;
  if (!wakes) return;
  restart_samples(sensor);
  if (!sensor->begun) sensor->begin = sensor->avr->cycle;
  sensor->begun = 1;
}

static void write_register(struct mpu6050 *sensor, uint8_t address, uint8_t value) {
  if (address == kPower) {
    write_power(sensor, value);
    return;
  }
  if (address == kUserControl && value & kResetFifo) {
    sensor->fifo_count = 0;
    value &= (uint8_t)~kResetFifo;
  }
  if (address == kSampleDivider || address == kConfig) restart_samples(sensor);
  if (address != kWhoAmI && address != kInterruptStatus) sensor->registers[address] = value;
}

/* ---- on the bus --------------------------------------------------------------------------------------------- */

static int select_sensor(void *self, int is_read) {
  struct mpu6050 *sensor = self;
  suffer(sensor);
  if (active(sensor, kSilent) || active(sensor, kUnplugged)) {
    ++sensor->refused;
    return 0;
  }
  catch_up(sensor);
  sensor->pointer_follows = !is_read;
  sensor->burst_next = -1;
  memcpy(sensor->shown, sensor->data, sizeof sensor->shown);
  sensor->shown_sample = sensor->sample;
  return 1;
}

static void advance(struct mpu6050 *sensor) {
  if (sensor->pointer != kFifoData) sensor->pointer = (uint8_t)((sensor->pointer + 1) % kRegisters);
}

static int write_byte(void *self, uint8_t byte) {
  struct mpu6050 *sensor = self;
  if (active(sensor, kSilent) || active(sensor, kUnplugged)) return 0;
  if (sensor->pointer_follows) {
    sensor->pointer = byte % kRegisters;
    sensor->pointer_follows = 0;
    return 1;
  }
  catch_up(sensor);
  write_register(sensor, sensor->pointer, byte);
  advance(sensor);
  return 1;
}

static uint8_t read_byte(void *self) {
  struct mpu6050 *sensor = self;
  if (active(sensor, kSilent) || active(sensor, kUnplugged)) return 0xFF; /* nobody pulls the line down */
  uint8_t value = read_register(sensor, sensor->pointer);
  advance(sensor);
  return value;
}

/* In the middle of a byte it waits for the rest of the clock. */
static int holds_the_bus(void *self) {
  struct mpu6050 *sensor = self;
  return active(sensor, kHung) && sensor->clocks < kClocksOfByte;
}

static void take_clock(void *self) {
  struct mpu6050 *sensor = self;
  if (active(sensor, kHung)) ++sensor->clocks;
}

static void *attach(avr_t *avr, const char *folder) {
  struct mpu6050 *sensor = zeroed(sizeof *sensor);
  sensor->avr = avr;
  sensor->rows = device_file(folder, "rows");
  sensor->faults = device_file(folder, "faults");
  sensor->row_cycles = (uint64_t)device_setting(folder, "cycles_per_row");
  sensor->tick_cycles = (uint64_t)device_setting(folder, "cycles_per_tick");
  sensor->reads = device_output(folder, "reads");
  sensor->report = device_output(folder, "report");
  power_up(sensor);
  struct two_wire_device device = {
      (uint8_t)device_setting(folder, "address"), sensor, select_sensor, write_byte, read_byte, holds_the_bus,
      take_clock};
  two_wire_add(avr, &device);
  return sensor;
}

static void finish(void *self) {
  struct mpu6050 *sensor = self;
  fclose(sensor->reads);
  fprintf(sensor->report, "taken %u\noverflows %llu\ntorn %llu\nrefused %llu\n", (unsigned)sensor->number,
          (unsigned long long)sensor->overflows, (unsigned long long)sensor->torn, (unsigned long long)sensor->refused);
  fclose(sensor->report);
  free(sensor->rows.data);
  free(sensor->faults.data);
  free(sensor);
}

const struct device kMpu6050 = {"mpu6050", attach, finish};
