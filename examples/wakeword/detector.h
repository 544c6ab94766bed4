// From a score each hop to detections: smoothing, a threshold, and a pause after each detection. Integers alone;
// detector.py computes the same ones.
#ifndef WAKEWORD_DETECTOR_H
#define WAKEWORD_DETECTOR_H

#include <stdint.h>

namespace wakeword {

class Detector {
 public:
  // threshold: level above which there is a detection; smoothing: a level follows scores with a time constant of
  // 2^smoothing hops; pause: hops after a detection without another.
  Detector(int32_t threshold, uint8_t smoothing, uint16_t pause)
      : threshold_(threshold), smoothing_(smoothing), pause_(pause) {
    reset();
  }

  void reset() {
    fresh_ = true;
    waiting_ = 0;
  }

  // Takes the score of one hop; whether the word was detected. Scores have less than 30 bits.
  bool push(int32_t score) {
    if (fresh_) level_ = score;
    fresh_ = false;
    int32_t step = score - level_;
    for (uint8_t i = smoothing_; i; --i) step >>= 1;
    level_ += step;
    if (waiting_) {
      --waiting_;
      return false;
    }
    if (level_ <= threshold_) return false;
    waiting_ = pause_;
    return true;
  }

  int32_t level() const { return level_; }

 private:
  int32_t threshold_, level_;
  uint8_t smoothing_;
  uint16_t pause_, waiting_;
  bool fresh_;
};

// Score of one word: its own where there is one score for two classes, else its lead over the best of the others.
inline int32_t word_score(const int32_t *scores, uint8_t count, uint8_t word) {
  if (count == 1) return word ? scores[0] : -scores[0];
  bool found = false;
  int32_t best = 0;
  for (uint8_t i = 0; i < count; ++i) {
    if (i == word) continue;
    if (!found || scores[i] > best) best = scores[i];
    found = true;
  }
  return scores[word] - best;
}

}  // namespace wakeword

#endif  // WAKEWORD_DETECTOR_H
