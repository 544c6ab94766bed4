/*
 * A plugin of qemu: counts the instructions of each call of some functions. Knows qemu, nothing of models.
 *
 * A call lasts from the first instruction of a function until control is back behind the branch that led there; a
 * watched function inside another one counts once, as part of the outer one.
 *
 * Arguments: out=<file> [watch=<address of a function>]..
 * Writes a line for each call, "<index of the watch> <instructions>", and at last "end <instructions in all>".
 *
 * The header of qemu's plugins is seldom packaged; what is used of it is declared here and has not changed since qemu 4.2.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*call)(unsigned cpu, void *), int flags,
                                          void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*call)(plugin_id, void *), void *data);

/* qemu looks at it before anything else: 0 or 1 before version 9, 2 or more from there on. */
__attribute__((visibility("default"))) int qemu_plugin_version = PLUGIN_VERSION;

enum { kMaxWatches = 16, kNone = -1 };

/* A stretch of code without a branch but at its end. */
struct block {
  uint64_t start, end, instructions;
  int watch;
};

static uint64_t watches[kMaxWatches];
static int watch_count;
static FILE *out;

static uint64_t total;                   /* instructions so far */
static uint64_t last_end;                /* where the last block ended: a call returns to there */
static int active = kNone;               /* watch that is running */
static uint64_t started, return_address; /* of the running watch */

static void on_run(unsigned cpu, void *data) {
  const struct block *block = data;
  (void)cpu;
  if (active != kNone && block->start == return_address) {
    fprintf(out, "%d %" PRIu64 "\n", active, total - started);
    active = kNone;
  }
  if (active == kNone && block->watch != kNone) {
    active = block->watch;
    started = total;
    return_address = last_end;
  }
  total += block->instructions;
  last_end = block->end;
}

static void on_translate(plugin_id id, struct qemu_plugin_tb *translated) {
  struct block *block = malloc(sizeof *block); /* lives as long as the translated code: to the end */
  const size_t count = qemu_plugin_tb_n_insns(translated);
  const struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(translated, count - 1);
  (void)id;
  if (!block) abort();
  block->start = qemu_plugin_tb_vaddr(translated);
  block->end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
  block->instructions = count;
  block->watch = kNone;
  for (int i = 0; i < watch_count; ++i) {
    if (watches[i] == block->start) block->watch = i;
  }
  qemu_plugin_register_vcpu_tb_exec_cb(translated, on_run, 0, block);
}

static void on_end(plugin_id id, void *data) {
  (void)id;
  (void)data;
  fprintf(out, "end %" PRIu64 "\n", total);
  fclose(out);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "out=", 4) == 0) out = fopen(argv[i] + 4, "w");
    if (strncmp(argv[i], "watch=", 6) == 0 && watch_count < kMaxWatches) {
      watches[watch_count++] = strtoull(argv[i] + 6, NULL, 0);
    }
  }
  if (!out) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, on_end, NULL);
  return 0;
}
