// Timer and converter of an nRF51 as its vendor's header has them, as much as the examples use: for compiling, not for
// running; the registers' places are not the processor's.
#pragma once
#include <stdint.h>

typedef struct {
  volatile uint32_t TASKS_START, EVENTS_COMPARE[4], SHORTS, INTENSET, BITMODE, PRESCALER, CC[4];
} NRF_TIMER_Type;
typedef struct {
  volatile uint32_t TASKS_START, EVENTS_END, ENABLE, CONFIG, RESULT;
} NRF_ADC_Type;
extern NRF_TIMER_Type *const NRF_TIMER2;
extern NRF_ADC_Type *const NRF_ADC;

#define ADC_CONFIG_RES_10bit 2UL
#define ADC_CONFIG_RES_Pos 0UL
#define ADC_CONFIG_INPSEL_AnalogInputOneThirdPrescaling 2UL
#define ADC_CONFIG_INPSEL_Pos 2UL
#define ADC_CONFIG_REFSEL_SupplyOneThirdPrescaling 3UL
#define ADC_CONFIG_REFSEL_Pos 5UL
#define ADC_CONFIG_PSEL_AnalogInput4 16UL
#define ADC_CONFIG_PSEL_Pos 8UL
#define ADC_ENABLE_ENABLE_Enabled 1UL
#define TIMER_BITMODE_BITMODE_16Bit 0UL
#define TIMER_SHORTS_COMPARE0_CLEAR_Msk 1UL
#define TIMER_INTENSET_COMPARE0_Msk (1UL << 16)

enum IRQn_Type { TIMER2_IRQn = 10 };
void NVIC_EnableIRQ(IRQn_Type);
