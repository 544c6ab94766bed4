#include "microphone.h"

namespace microphone {
namespace {

volatile uint16_t codes[kRing];
volatile uint16_t head, tail;  // where the next sample goes, the oldest sample: each is written by one side alone
volatile uint16_t lost_count;
uint16_t last_average = 32768;  // 64 times the moving average of the codes

// Called by an interrupt, kRate times a second.
void take(uint16_t code) {
  const uint16_t at = head, next = at + 1 == kRing ? 0 : static_cast<uint16_t>(at + 1);
  if (next == tail) {
    lost_count = static_cast<uint16_t>(lost_count + 1);
    return;
  }
  codes[at] = code;
  head = next;
}

uint16_t waiting() {
  const uint16_t end = head, start = tail;
  return static_cast<uint16_t>(end >= start ? end - start : end + kRing - start);
}

// 64 * code - average, saturated; then the average takes the code in.
int16_t without_average(uint16_t code) {
  const int32_t distance = 64 * static_cast<int32_t>(code) - last_average, limit = INT16_MAX >> kGain;
  last_average = static_cast<uint16_t>(last_average + code - (last_average >> 6));
  return static_cast<int16_t>(distance > limit ? INT16_MAX : distance < -limit ? -INT16_MAX : distance * (1 << kGain));
}

}  // namespace

bool read_hop(int16_t *hop) {
  if (waiting() < kHop) return false;
  uint16_t at = tail;
  for (uint16_t i = 0; i < kHop; ++i) {
    hop[i] = without_average(codes[at]);
    at = at + 1 == kRing ? 0 : static_cast<uint16_t>(at + 1);
  }
  tail = at;
  return true;
}

uint16_t lost() { return lost_count; }

}  // namespace microphone

#if defined(ARDUINO_ARCH_RP2040)

#include <hardware/adc.h>
#include <pico/time.h>

static repeating_timer_t timer;

static bool sample(repeating_timer_t *) {
  microphone::take(static_cast<uint16_t>(adc_read() >> 2));  // of 12 bits, after 2 us
  return true;
}

void microphone::begin() {
  adc_init();
  adc_gpio_init(26);  // A0
  adc_select_input(0);
  add_repeating_timer_us(-1000000 / kRate, sample, nullptr, &timer);  // negative: from start to start
}

#elif defined(NRF51)

#include <nrf.h>

// The conversion that the last interrupt began is done: it takes 68 us. Timer 2 is taken: no tone().
extern "C" void TIMER2_IRQHandler() {
  NRF_TIMER2->EVENTS_COMPARE[0] = 0;
  const uint16_t code = static_cast<uint16_t>(NRF_ADC->RESULT);
  NRF_ADC->TASKS_START = 1;
  microphone::take(code);
}

void microphone::begin() {
  NRF_ADC->CONFIG = ADC_CONFIG_RES_10bit << ADC_CONFIG_RES_Pos |
                    ADC_CONFIG_INPSEL_AnalogInputOneThirdPrescaling << ADC_CONFIG_INPSEL_Pos |
                    ADC_CONFIG_REFSEL_SupplyOneThirdPrescaling << ADC_CONFIG_REFSEL_Pos |
                    ADC_CONFIG_PSEL_AnalogInput4 << ADC_CONFIG_PSEL_Pos;  // pin 0 is P0.03
  NRF_ADC->ENABLE = ADC_ENABLE_ENABLE_Enabled;
  NRF_ADC->EVENTS_END = 0;
  NRF_ADC->TASKS_START = 1;
  while (!NRF_ADC->EVENTS_END) {
  }
  NRF_TIMER2->PRESCALER = 4;  // counts microseconds
  NRF_TIMER2->BITMODE = TIMER_BITMODE_BITMODE_16Bit;
  NRF_TIMER2->CC[0] = 1000000 / kRate;
  NRF_TIMER2->SHORTS = TIMER_SHORTS_COMPARE0_CLEAR_Msk;
  NRF_TIMER2->INTENSET = TIMER_INTENSET_COMPARE0_Msk;
  NVIC_EnableIRQ(TIMER2_IRQn);
  NRF_TIMER2->TASKS_START = 1;
}

#else
#error "this microphone knows the RP2040 and the nRF51; for others, call take() from a timer's interrupt"
#endif
