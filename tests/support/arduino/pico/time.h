// The RP2040's repeating timers as its SDK declares them: for compiling, not for linking.
#pragma once
#include <stdint.h>

typedef struct repeating_timer repeating_timer_t;
typedef bool (*repeating_timer_callback_t)(repeating_timer_t *);
struct repeating_timer {
  int64_t delay_us;
  repeating_timer_callback_t callback;
};
bool add_repeating_timer_us(int64_t delay_us, repeating_timer_callback_t callback, void *user_data, repeating_timer_t *out);
