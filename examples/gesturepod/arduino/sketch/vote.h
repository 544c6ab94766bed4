// From an answer every hop to gestures: the majority of the last answers, told once; the twin of vote.py.
#ifndef VOTE_H
#define VOTE_H

#include <stdint.h>

// Of the last Depth answers Majority must agree. Then the gesture is told, for Pause answers no other, and the same one
// again only after the majority was lost. Ignored has a bit for every class that is no gesture.
template <uint8_t Depth, uint8_t Majority, uint8_t Pause, uint8_t Classes, uint32_t Ignored> class Vote {
 public:
  static constexpr uint8_t kNone = 255;

  Vote() { reset(); }

  void reset() {
    for (uint8_t &answer : last_) answer = kNone;
    next_ = quiet_ = 0;
    told_ = kNone;
  }

  // Takes the next answer; the class to be told now, or kNone.
  uint8_t take(uint8_t answer) {
    last_[next_] = answer;
    next_ = next_ + 1 == Depth ? 0 : next_ + 1;
    const uint8_t elected = winner();
    if (elected != told_) told_ = kNone;
    if (quiet_) {
      --quiet_;
    } else if (elected != told_) {
      quiet_ = Pause;
      return told_ = elected;
    }
    return kNone;
  }

 private:
  uint8_t winner() const {
    uint8_t best = kNone, most = 0;
    for (uint8_t c = 0; c < Classes; ++c) {
      uint8_t votes = 0;
      for (uint8_t answer : last_) votes += answer == c;
      if (votes > most) most = votes, best = c;
    }
    const bool gesture = best < Classes && !(Ignored >> best & 1);
    return most >= Majority && gesture ? best : kNone;
  }

  uint8_t last_[Depth], next_, quiet_, told_;
};

#endif
