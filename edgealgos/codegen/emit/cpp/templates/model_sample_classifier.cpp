EDGEALGOS_NOINLINE uint8_t predict(const input_t *${input}) {
${predict}
}
