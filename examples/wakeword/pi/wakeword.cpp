// Listens for one word: 16-bit PCM at 8 kHz from standard input or a wav file; prints when it was heard and how surely.
//
//   arecord -r 8000 -c 1 -f S16_LE -t raw | ./wakeword
//   ./wakeword recording.wav
//   ./wakeword --trace recording.wav      (a line a hop: hop, level, whether the word was detected)
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "detector.h"
#include "settings.h"
#include "wakeword_model.h"

namespace {

const int kRate = 8000;

int failed(const char *path, const char *reason) {
  fprintf(stderr, "%s: %s\n", path, reason);
  return 2;
}

uint32_t little(const uint8_t *bytes, int count) {
  uint32_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

bool skip(FILE *file, uint32_t bytes) {
  for (; bytes; --bytes)
    if (fgetc(file) == EOF) return false;
  return true;
}

// Moves to the samples of a wav file. Null, or why it cannot be used.
const char *open_samples(FILE *file, uint32_t &bytes) {
  uint8_t head[16];
  if (fread(head, 1, 12, file) != 12 || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0)
    return "is no wav file";
  bool known = false;
  while (fread(head, 1, 8, file) == 8) {
    const uint32_t size = little(head + 4, 4);
    if (memcmp(head, "data", 4) == 0) {
      if (!known) return "has samples before it says what they are";
      bytes = size;
      return size ? nullptr : "holds no samples";
    }
    if (memcmp(head, "fmt ", 4) != 0) {
      if (!skip(file, size + (size & 1))) break;
      continue;
    }
    if (size < 16 || fread(head, 1, 16, file) != 16 || !skip(file, size - 16 + (size & 1))) break;
    if (little(head, 2) != 1 || little(head + 14, 2) != 16) return "is not 16-bit PCM: convert it with sox -b 16";
    if (little(head + 2, 2) != 1) return "has more than one channel: convert it with sox -c 1";
    if (little(head + 4, 4) != static_cast<uint32_t>(kRate)) return "is not at 8000 Hz: convert it with sox -r 8000";
    known = true;
  }
  return "is cut off before its samples";
}

// The next hop, as little-endian samples; false where the stream ends. A hop that is not whole is left out.
bool read_hop(FILE *file, int16_t *hop, uint32_t &left) {
  uint8_t bytes[2 * wakeword::kFeatureCount];
  if (left < sizeof bytes) return false;
  const size_t got = fread(bytes, 1, sizeof bytes, file);  // waits while a pipe is silent
  left -= static_cast<uint32_t>(sizeof bytes);
  for (size_t i = 0; 2 * i + 1 < got; ++i) hop[i] = static_cast<int16_t>(little(bytes + 2 * i, 2));
  return got == sizeof bytes;
}

int listen(FILE *file, uint32_t bytes, bool endless, bool trace) {
  wakeword::Detector detector(kThreshold, kSmoothing, kPause);
  wakeword::reset();
  int16_t hop[wakeword::kFeatureCount];
  unsigned long count = 0;
  uint32_t left = endless ? UINT32_MAX : bytes;
  while (read_hop(file, hop, left)) {
    if (endless) left = UINT32_MAX;
    ++count;
    wakeword::push(hop);
    wakeword::predict();
    const bool heard = detector.push(wakeword::word_score(wakeword::scores(), wakeword::kScoreCount, kWord));
    if (trace) printf("%lu %ld %d\n", count, static_cast<long>(detector.level()), heard);
    if (heard && !trace) {
      const double margin = ldexp(static_cast<double>(detector.level()), -wakeword::kScoreFrac);
      printf("%9.2f s  %s  %.2f\n", static_cast<double>(count * wakeword::kFeatureCount) / kRate, kName, 1 / (1 + exp(-margin)));
      fflush(stdout);
    }
  }
  if (!endless && left >= 2 * wakeword::kFeatureCount)
    fprintf(stderr, "the file is cut off after %.2f s\n", static_cast<double>(count * wakeword::kFeatureCount) / kRate);
  if (count == 0) return failed("input", "is shorter than one hop: nothing was heard");
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  const bool trace = argc > 1 && strcmp(argv[1], "--trace") == 0;
  const char *path = argc > 1 + trace ? argv[1 + trace] : nullptr;
  if (!path) return listen(stdin, 0, true, trace);
  FILE *file = fopen(path, "rb");
  if (!file) return failed(path, "cannot be opened");
  uint32_t bytes = 0;
  if (const char *reason = open_samples(file, bytes)) return failed(path, reason);
  const int code = listen(file, bytes, false, trace);
  fclose(file);
  return code;
}
