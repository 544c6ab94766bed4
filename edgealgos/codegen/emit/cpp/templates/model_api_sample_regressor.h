// Output of one sample as an integer: real = raw * 2^-kOutputFrac; x holds kFeatureCount device inputs.
int32_t predict_raw(const input_t *x);

// The same as a real number. Uses floating point; linked in only if called.
float predict(const input_t *x);

// Raw outputs of the last prediction.
const score_t *scores();
