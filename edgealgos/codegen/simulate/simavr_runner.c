/*
 * Runs a firmware on libsimavr and measures it: row by row over the simulated serial port, or for a stretch of simulated
 * time with devices attached.
 *
 * Knows the serial protocol (a '#' line when ready, one answer line for each row, '!' lines are refusals) and nothing
 * of models. Rows are sent in lock-step, at the baud rate the firmware has set; a firmware without a serial port calls
 * `put` with each character it prints, and `get` for the next one of the rows. What is measured:
 *   - cycles between entry and return of watched functions, interrupt handlers left out;
 *   - the deepest stack since main() began with the deepest interrupt handler on top of it, wherever that began;
 *     without a serial port: in watched functions.
 *
 * Usage: simavr_runner self-test
 *        simavr_runner mcu=.. clock=.. image=.. log=.. main=.. [watch=<index>:<address>]...
 *                      rows=.. limit=.. [uart=<digit> | put=<address> get=<address>]  |  until=<cycle> times=.. calls=.. [device=<kind>:<folder>]...
 *
 * With rows it prints one line for each answered row, "row <cycles> <cycles of interrupts> <cycles 0> <calls 0>
 * <cycles 1> ..", where <cycles> counts nested watched functions once. Without them, `times` receives the cycle of each
 * line end in the log, and `calls` for each call of a watched function its cycle, its cycles and its watch (64 bits each).
 * At last it prints "end <status> <cycles> <lowest stack pointer> <mended skips> <bytes held back> <pc>".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sim_avr.h>
#include <sim_core.h>

#include "simavr_runner.h"

enum { kMarkIsr = 1, kMarkMain = 2, kMarkReset = 4, kMarkSkip = 8, kMarkWatch = 16, kMarkPut = 32, kMarkGet = 64 };
enum { kIsr = -1 }; /* a frame that belongs to an interrupt handler, not to a watch */

/* Addresses in the data space, the same on all AVRs that have them. */
enum { kSpl = 0x5D, kSph = 0x5E };

static const struct device *const kDevices[] = {&kAnalogAudio, &kMpu6050, &kPinWatch, &kSerialInput};
enum { kDeviceKinds = sizeof kDevices / sizeof kDevices[0] };

static const char *const kStatusNames[] = {"running",  "done",    "crashed",     "restarted",
                                           "silent", "refused", "out-of-step", "line-too-long"};

/* ---- what is measured --------------------------------------------------------------------------------------- */

static uint16_t flash_word(const avr_t *avr, uint32_t pc) { return avr->flash[pc] | (avr->flash[pc + 1] << 8); }

static uint16_t stack_pointer(const avr_t *avr) { return avr->data[kSpl] | (avr->data[kSph] << 8); }

static int is_return(uint16_t opcode) { return opcode == 0x9508 || opcode == 0x9518; }

/* `out SPH` or `out SREG`: the stack pointer may be half written. Compilers write SPH, SREG, SPL in this order. */
static int is_half_way(uint16_t opcode) { return (opcode & 0xFE0F) == 0xBE0E || (opcode & 0xFE0F) == 0xBE0F; }

static void enter(struct runner *r, int watch) {
  if (r->depth == kMaxFrames) die("calls are nested too deeply", "");
  if (watch == kIsr) {
    ++r->isr_depth;
  } else {
    if (r->watches[watch].active) return; /* a recursion, or a copy of the function called by another copy */
    r->watches[watch].active = 1;
    ++r->watches[watch].calls;
    ++r->watch_depth;
  }
  struct frame *frame = &r->frames[r->depth++];
  frame->watch = watch;
  frame->sp = r->return_sp = stack_pointer(r->avr);
  frame->cycle = r->avr->cycle;
  frame->isr_cycles = r->isr_cycles;
}

static void write_call(struct runner *r, const struct frame *frame, uint64_t cycles) {
  uint64_t call[3] = {frame->cycle, cycles, (uint64_t)frame->watch};
  fwrite(call, sizeof call, 1, r->calls);
}

static void leave(struct runner *r) {
  const struct frame *frame = &r->frames[--r->depth];
  uint64_t cycles = r->avr->cycle - frame->cycle;
  if (frame->watch == kIsr) {
    if (--r->isr_depth == 0) r->isr_cycles += cycles;
  } else {
    cycles -= r->isr_cycles - frame->isr_cycles;
    r->watches[frame->watch].cycles += cycles;
    r->watches[frame->watch].active = 0;
    if (r->calls) write_call(r, frame, cycles);
    if (--r->watch_depth == 0) r->outer_cycles += cycles;
  }
  r->return_sp = r->depth ? r->frames[r->depth - 1].sp : UINT16_MAX;
}

/* The firmware asks for the next byte of the rows: in r24, when the function returns. */
static void give_byte(struct runner *r) {
  if (r->sent == r->rows.length) {
    r->status = kDone;
    return;
  }
  r->avr->data[24] = r->rows.data[r->sent++];
  r->sending = r->avr->data[24] != '\n' && r->sent < r->rows.length;
}

/* A marked address is about to be executed. */
static void arrive(struct runner *r, uint32_t pc, uint8_t mark) {
  if (mark & kMarkMain) r->in_main = 1;
  if ((mark & kMarkReset) && r->in_main) r->status = kRestarted;
  if (mark & kMarkIsr) enter(r, kIsr);
  if (mark & kMarkWatch) enter(r, r->watch_at[pc >> 1]);
  if (mark & kMarkPut) take_byte(r, r->avr->data[24]);
  if (mark & kMarkGet) give_byte(r);
}

/*
 * Some versions of simavr take the one-word adiw/sbiw behind a skip for a two-word instruction and skip one
 * instruction too many. Such a skip is run by itself and put right.
 */
static void run_skip(struct runner *r) {
  avr_t *avr = r->avr;
  avr_flashaddr_t at = avr->pc;
  avr_flashaddr_t next = avr_run_one(avr);
  if (next == at + 6) {
    next -= 2;
    avr->cycle -= 1;
    ++r->mended;
  }
  avr->pc = next;
}

/* What avr_run does, less what there is nothing to do for: no timer is due after most instructions. */
static void run_instruction(avr_t *avr) {
  if (avr->state != cpu_Running) {
    avr_run(avr);
    return;
  }
  avr_flashaddr_t next = avr_run_one(avr);
  const avr_cycle_timer_slot_t *timer = avr->cycle_timers.timer;
  if (timer && timer->when <= avr->cycle) avr_cycle_timer_process(avr);
  avr->pc = next;
  if (avr->interrupt_state && avr->state == cpu_Running) avr_service_interrupts(avr);
}

/*
 * A handler may begin anywhere: what the deepest one takes, its return address included, comes on top of the deepest
 * stack outside of handlers, whether or not one began there this time.
 */
static void note_stack(struct runner *r, uint16_t sp, int begins) {
  if (begins && r->isr_depth == 0) r->interrupted_sp = sp + r->avr->address_size;
  if (!begins && r->isr_depth == 0) {
    if (sp < r->lowest_sp) r->lowest_sp = sp;
  } else if (r->interrupted_sp - sp > r->deepest_isr && r->interrupted_sp > sp) {
    r->deepest_isr = r->interrupted_sp - sp;
  }
}

static void step(struct runner *r) {
  avr_t *avr = r->avr;
  uint32_t pc = avr->pc;
  if (r->mark[pc >> 1] & kMarkSkip)
    run_skip(r);
  else
    run_instruction(avr);
  uint16_t sp = stack_pointer(avr);
  uint8_t mark = avr->pc < 2 * kFlashWords ? r->mark[avr->pc >> 1] : 0;
  if ((r->console ? r->watch_depth : r->in_main) && !is_half_way(flash_word(avr, pc))) note_stack(r, sp, mark & kMarkIsr);
  if (sp > r->return_sp && is_return(flash_word(avr, pc)))
    while (r->depth && sp > r->return_sp) leave(r);
  if (mark) arrive(r, avr->pc, mark);
  if (avr->state != cpu_Running && avr->state != cpu_Sleeping) r->status = kCrashed;
}

/* ---- setting up --------------------------------------------------------------------------------------------- */

static void say_to_stderr(struct avr_t *avr, const int level, const char *format, va_list arguments) {
  (void)avr;
  if (level <= LOG_ERROR) vfprintf(stderr, format, arguments);
}

static void do_not_sleep(avr_t *avr, avr_cycle_count_t cycles) {
  (void)avr;
  (void)cycles;
}

static avr_t *make_mcu(const char *name, uint32_t clock, const uint8_t *image, size_t length) {
  avr_global_logger_set(say_to_stderr);
  avr_t *avr = avr_make_mcu_by_name(name);
  if (!avr) die("simavr does not know the processor", name);
  avr_init(avr);
  if (length > avr->flashend + 1) die("the image is larger than the flash of", name);
  avr->frequency = clock;
  avr->sleep = do_not_sleep;
  avr->run_cycle_limit = 1; /* one instruction at a time */
  avr_loadcode(avr, (uint8_t *)image, (uint32_t)length, 0);
  avr->codeend = (uint32_t)length;
  return avr;
}

static int is_skip(uint16_t opcode) {
  return (opcode & 0xFC08) == 0xFC00 || (opcode & 0xFC00) == 0x1000 || (opcode & 0xFD00) == 0x9900;
}

static int is_mistaken(uint16_t opcode) { return (opcode & 0xFE00) == 0x9600 && (opcode & 0x0C) == 0x0C; }

static void mark_skips(struct runner *r, size_t length) {
  for (size_t pc = 0; pc + 4 <= length; pc += 2)
    if (is_skip(flash_word(r->avr, pc)) && is_mistaken(flash_word(r->avr, pc + 2))) r->mark[pc >> 1] |= kMarkSkip;
}

static void mark_code(struct runner *r, uint32_t main_address, size_t length) {
  r->mark[0] |= kMarkReset;
  const avr_int_table_t *table = &r->avr->interrupts;
  for (int i = 0; i < table->vector_count; ++i)
    r->mark[table->vector[i]->vector * r->avr->vector_size / 2] |= kMarkIsr;
  r->mark[(main_address >> 1) % kFlashWords] |= kMarkMain;
  mark_skips(r, length);
}

static void add_watch(struct runner *r, const char *text) {
  char *address = NULL;
  long index = strtol(text, &address, 10);
  if (*address != ':' || index < 0 || index >= kMaxWatches) die("bad watch", text);
  unsigned long pc = strtoul(address + 1, NULL, 0);
  if (pc >= 2 * kFlashWords) die("bad watch", text);
  r->mark[pc >> 1] |= kMarkWatch;
  r->watch_at[pc >> 1] = (int8_t)index;
  if (index >= r->watch_count) r->watch_count = (int)index + 1;
}

/* Value of the argument "key=value", or NULL. */
static const char *find_option(int count, char **arguments, const char *key) {
  size_t length = strlen(key);
  for (int i = 1; i < count; ++i)
    if (!strncmp(arguments[i], key, length) && arguments[i][length] == '=') return arguments[i] + length + 1;
  return NULL;
}

static const char *option(int count, char **arguments, const char *key) {
  const char *value = find_option(count, arguments, key);
  if (!value) die("missing argument", key);
  return value;
}

static FILE *output(const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file) die("cannot write", path);
  return file;
}

/* `text` is "<kind>:<folder>". */
static void attach_device(struct runner *r, const char *text) {
  const char *folder = strchr(text, ':');
  if (!folder || r->device_count == kMaxDevices) die("cannot attach", text);
  for (int i = 0; i < kDeviceKinds; ++i) {
    size_t length = strlen(kDevices[i]->kind);
    if (length != (size_t)(folder - text) || strncmp(text, kDevices[i]->kind, length)) continue;
    struct attached *attached = &r->devices[r->device_count++];
    attached->device = kDevices[i];
    attached->self = kDevices[i]->attach(r->avr, folder + 1);
    return;
  }
  die("no such device:", text);
}

static void mark_address(struct runner *r, const char *text, uint8_t mark) {
  r->mark[(strtoul(text, NULL, 0) >> 1) % kFlashWords] |= mark;
}

static void set_up(struct runner *r, int count, char **arguments) {
  struct bytes image = read_file(option(count, arguments, "image"));
  uint32_t clock = (uint32_t)strtoul(option(count, arguments, "clock"), NULL, 0);
  r->avr = make_mcu(option(count, arguments, "mcu"), clock, image.data, image.length);
  r->log = output(option(count, arguments, "log"));
  r->lowest_sp = r->return_sp = UINT16_MAX;
  mark_code(r, (uint32_t)strtoul(option(count, arguments, "main"), NULL, 0), image.length);
  for (int i = 1; i < count; ++i)
    if (!strncmp(arguments[i], "watch=", 6)) add_watch(r, arguments[i] + 6);
  const char *uart = find_option(count, arguments, "uart"), *put = find_option(count, arguments, "put");
  r->uart = uart ? *uart : '0';
  r->console = put != NULL;
  if (r->console) {
    mark_address(r, put, kMarkPut);
    mark_address(r, option(count, arguments, "get"), kMarkGet);
    r->ready = 1;
  } else {
    attach_uart(r, r->uart);
  }
  free(image.data);
}

static avr_cycle_count_t check_silence(avr_t *avr, avr_cycle_count_t when, void *param) {
  struct runner *r = param;
  if (avr->cycle - r->progress > r->limit) r->status = kSilent;
  return when + r->limit / 8 + 1;
}

static void prepare_rows(struct runner *r, int count, char **arguments) {
  r->rows = read_file(option(count, arguments, "rows"));
  r->limit = strtoull(option(count, arguments, "limit"), NULL, 0);
  avr_cycle_timer_register(r->avr, 1, check_silence, r);
}

static avr_cycle_count_t stop(avr_t *avr, avr_cycle_count_t when, void *param) {
  (void)avr;
  (void)when;
  ((struct runner *)param)->status = kDone;
  return 0;
}

static void prepare_stretch(struct runner *r, int count, char **arguments) {
  r->times = output(option(count, arguments, "times"));
  r->calls = output(option(count, arguments, "calls"));
  for (int i = 1; i < count; ++i)
    if (!strncmp(arguments[i], "device=", 7)) attach_device(r, arguments[i] + 7);
  avr_cycle_timer_register(r->avr, strtoull(option(count, arguments, "until"), NULL, 0), stop, r);
}

static void close_files(struct runner *r) {
  for (int i = 0; i < r->device_count; ++i) r->devices[i].device->finish(r->devices[i].self);
  if (r->times) fclose(r->times);
  if (r->calls) fclose(r->calls);
  fclose(r->log);
}

static int run(int count, char **arguments) {
  static struct runner r;
  set_up(&r, count, arguments);
  if (find_option(count, arguments, "rows"))
    prepare_rows(&r, count, arguments);
  else
    prepare_stretch(&r, count, arguments);
  while (r.status == kRunning) step(&r);
  close_files(&r);
  printf("end %s %llu %u %llu %llu %u\n", kStatusNames[r.status], (unsigned long long)r.avr->cycle,
         (unsigned)(r.lowest_sp - r.deepest_isr), (unsigned long long)r.mended, (unsigned long long)r.held_back,
         (unsigned)r.avr->pc);
  return 0;
}

/* ---- is this simulator good? -------------------------------------------------------------------------------- */

/* Skips `adiw r24, 0x3f` and must then execute `ldi r22, 1`. */
static int self_test(void) {
  static const uint16_t program[] = {0xE060 /* ldi r22, 0 */,   0xE090 /* ldi r25, 0 */, 0xFD97 /* sbrc r25, 7 */,
                                     0x96CF /* adiw r24, 63 */, 0xE061 /* ldi r22, 1 */, 0xCFFF /* rjmp . */,
                                     0xCFFF /* rjmp . */};
  uint8_t image[sizeof program];
  for (size_t i = 0; i < sizeof program; ++i) image[i] = (uint8_t)(program[i / 2] >> (8 * (i % 2)));
  avr_t *avr = make_mcu("atmega328p", 16000000, image, sizeof image);
  for (int i = 0; i < 8; ++i) avr_run(avr);
  puts(avr->data[22] == 1 ? "good" : "skips-too-much");
  return 0;
}

int main(int count, char **arguments) {
  if (count == 2 && !strcmp(arguments[1], "self-test")) return self_test();
  return run(count, arguments);
}
