// Forget everything pushed so far.
void reset();

// Take one time step: kFeatureCount device inputs.${more}
void push(const input_t *step);

// Output for what was pushed since reset(), as an integer: real = raw * 2^-kOutputFrac.
int32_t predict_raw();

// Output of a whole sequence: kStepCount steps of kFeatureCount device inputs.
int32_t predict_raw(const input_t *x);

// The same as real numbers. Use floating point; linked in only if called.
float predict();
float predict(const input_t *x);

// Raw outputs of the last prediction.
const score_t *scores();
