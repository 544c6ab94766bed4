// Forget everything pushed so far.
void reset();

// Take one time step: kFeatureCount device inputs.${more}
void push(const input_t *step);

// Class index for what was pushed since reset().
uint8_t predict();

// Class index of a whole sequence: kStepCount steps of kFeatureCount device inputs.
uint8_t predict(const input_t *x);

// Scores of the last prediction, kScoreCount of them.
const score_t *scores();

// How likely a class is after the last prediction, in 256ths (255 at most); linked in only if called.
// Made by ${link}.
uint8_t probability(uint8_t index);

// Name of a class. On an AVR without Arduino's core it lasts until the next call.
#if defined(ARDUINO)
const __FlashStringHelper *label(uint8_t index);
#else
const char *label(uint8_t index);
#endif
